// Updates of many arrays in one launch, number by number, in place. The table is updates.py's.

struct Table {
    int first_block[ROWS];  // of the launch's blocks, the first that works on the row's arrays
    int rows;
    long long size[ROWS];       // of each of the row's arrays
    T *at[COLUMNS][ROWS];
};

// The part of one row's arrays that this block works on.
struct Part {
    int row;
    long long begin, end;
};

__device__ Part part_of_block(const Table &table) {
    int row = 0, above = table.rows;  // the last row that begins at or before this block
    while (above - row > 1) {
        int middle = (row + above) / 2;
        if (table.first_block[middle] <= (int)blockIdx.x) row = middle; else above = middle;
    }
    Part part;
    part.row = row;
    part.begin = (long long)((int)blockIdx.x - table.first_block[row]) * ELEMENTS;
    part.end = part.begin + ELEMENTS < table.size[row] ? part.begin + ELEMENTS : table.size[row];
    return part;
}

// Rows p, m, v, g. m = b1 m + c1 g, v = b2 v + c2 g^2, p -= rate m / (root_scale sqrt(v) + eps), with c = 1 - b.
extern "C" __global__ void adam(Table table, T b1, T c1, T b2, T c2, T rate, T root_scale, T eps) {
    Part part = part_of_block(table);
    T *p = table.at[0][part.row], *m = table.at[1][part.row], *v = table.at[2][part.row];
    const T *g = table.at[3][part.row];
    for (long long i = part.begin + threadIdx.x; i < part.end; i += blockDim.x) {
        T m_new = b1 * m[i] + c1 * g[i], v_new = b2 * v[i] + c2 * (g[i] * g[i]);
        m[i] = m_new;
        v[i] = v_new;
        p[i] -= rate * (m_new / (root_scale * sqrt(v_new) + eps));
    }
}

// Rows a, x. a = keep a + rest x.
extern "C" __global__ void average(Table table, T keep, T rest) {
    Part part = part_of_block(table);
    T *a = table.at[0][part.row];
    const T *x = table.at[1][part.row];
    for (long long i = part.begin + threadIdx.x; i < part.end; i += blockDim.x) a[i] = keep * a[i] + rest * x[i];
}
