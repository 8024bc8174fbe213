# Networks and pooling layers.
tarn_library(backbone tarn_cpu)
