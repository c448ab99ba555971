//! Matrices of products on the host.

/// A matrix inside a slice: element (i, j) is at `data[i * row_stride + j * column_stride]`.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a, F> {
    /// The elements, and possibly more.
    pub data: &'a [F],
    /// Distance between rows.
    pub row_stride: usize,
    /// Distance between columns.
    pub column_stride: usize,
}

impl<'a, F> Matrix<'a, F> {
    /// A row-major matrix with this many columns.
    pub fn rows(data: &'a [F], columns: usize) -> Self {
        Matrix { data, row_stride: columns, column_stride: 1 }
    }

    /// The transpose, in place.
    pub fn transposed(self) -> Self {
        Matrix { data: self.data, row_stride: self.column_stride, column_stride: self.row_stride }
    }

    /// Whether every element of a matrix of this size lies inside the slice.
    pub(super) fn holds(&self, rows: usize, columns: usize) -> bool {
        rows == 0 || columns == 0 || (rows - 1) * self.row_stride + (columns - 1) * self.column_stride < self.data.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::twin::gemm;

    #[test]
    fn products_of_all_orientations_match_the_definition() {
        let (m, n, k) = (5, 7, 3);
        let a: Vec<f64> = (0..m * k).map(|i| (i * 7 % 11) as f64 - 5.0).collect();
        let b: Vec<f64> = (0..k * n).map(|i| (i * 5 % 13) as f64 - 6.0).collect();
        for (left_transposed, right_transposed) in [(false, false), (true, false), (false, true), (true, true)] {
            let left = if left_transposed { Matrix::rows(&a, m).transposed() } else { Matrix::rows(&a, k) };
            let right = if right_transposed { Matrix::rows(&b, k).transposed() } else { Matrix::rows(&b, n) };
            let mut out = vec![2.0; m * n];
            gemm([m, n, k], &mut out, true, left, right);
            for (i, row) in out.chunks(n).enumerate() {
                for (j, &value) in row.iter().enumerate() {
                    let at = |x: &Matrix<'_, f64>, r: usize, c: usize| x.data[r * x.row_stride + c * x.column_stride];
                    let expected: f64 = 2.0 + (0..k).map(|l| at(&left, i, l) * at(&right, l, j)).sum::<f64>();
                    assert_eq!(value, expected);
                }
            }
        }
    }
}
