# Networks and pooling layers.
tarn_library(backbone tarn_cpu)
tarn_hot_sources(backbone)
