// Box regression in double precision, for the cases of its losses.
#ifndef TARN_TESTS_OPS_REGRESSION_H
#define TARN_TESTS_OPS_REGRESSION_H

// kind, beta: as in nn/box_regression.h; the loss of one box's four deltas.
double regression_loss(int kind, float beta, const float weights[4], const double *anchor,
                       const double *box, const double *delta);

void decode_box(const float weights[4], const double *anchor, const double *delta, double *box);

#endif
