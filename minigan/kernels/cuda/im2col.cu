// The columns of an image, and their transpose. Every thread fetches what belongs to its own place: nothing is
// added from two sides, so sums have one order, and one result.
//
//     im2col    columns[(kh, kw, c), (i, j, n)] = image[i·SH + kh − top, j·SW + kw − left, n, c], 0 outside
//     col2im    image[h, w, n, c] = Σ columns[(kh, kw, c), (i, j, n)] over the windows that read it there
//
// The image is (H, W, N, C) in memory; of the matrix of columns either the rows or the columns are contiguous:
// one of row_step and column_step is 1. A thread has one place and one channel and goes through the taps. The
// channel runs fastest, so neighbours read and write side by side; the divisions that find the place, slow on
// a GPU, are done once for all taps.

typedef long long Int;

struct Geometry { Int H, W, OH, OW, KH, KW, SH, SW, top, left; };

// Threads: OH·OW·N·C.
extern "C" __global__ void im2col(
    const T* __restrict__ image, T* __restrict__ columns, Int row_step, Int column_step, Int N, Int C, Geometry g)
{
    Int thread = place();
    Int column = thread / C, output = column / N;
    Int i = output / g.OW, j = output % g.OW, n = column % N, c = thread % C;
    if (i >= g.OH) return;
    const T* source = image + n * C + c;
    T* target = columns + column * column_step + c * row_step;
    for (Int kh = 0; kh < g.KH; ++kh) {
        Int h = i * g.SH + kh - g.top;
        for (Int kw = 0; kw < g.KW; ++kw) {
            Int w = j * g.SW + kw - g.left;
            bool inside = 0 <= h && h < g.H && 0 <= w && w < g.W;
            *target = inside ? source[(h * g.W + w) * N * C] : T(0);
            target += C * row_step;
        }
    }
}

__device__ Int modulo(Int a, Int b) { return (a % b + b) % b; }  // from 0 to b − 1 for negative a, too

// Threads: W·N·C to each row from `first` on, the last row being `stop` − 1. To rows before `written` it is added: they
// hold the sums over the bands before this one.
extern "C" __global__ void col2im(
    T* __restrict__ image, const T* __restrict__ columns, Int row_step, Int column_step, Int N, Int C, Geometry g,
    Int first, Int stop, Int written)
{
    Int thread = first * g.W * N * C + place();
    Int pixel = thread / C / N;
    Int h = pixel / g.W, w = pixel % g.W, n = thread / C % N, c = thread % C;
    if (h >= stop) return;
    // i·SH + kh = h + top: kh goes up in steps of SH from the least there is while i goes down by ones.
    Int least_kh = modulo(h + g.top, g.SH), least_kw = modulo(w + g.left, g.SW);
    Int last_i = (h + g.top - least_kh) / g.SH, last_j = (w + g.left - least_kw) / g.SW;
    T sum = h < written ? image[thread] : T(0);
    for (Int kh = least_kh, i = last_i; kh < g.KH && i >= 0; kh += g.SH, --i) {
        if (i >= g.OH) continue;
        for (Int kw = least_kw, j = last_j; kw < g.KW && j >= 0; kw += g.SW, --j) {
            if (j >= g.OW) continue;
            Int row = (kh * g.KW + kw) * C + c, column = (i * g.OW + j) * N + n;
            sum += columns[row * row_step + column * column_step];
        }
    }
    image[thread] = sum;
}
