/* Real points, random numbers, and how good fakes are. */

/* A stream of random numbers from a seed and a name: uniform in [0, 1), and normal. (mulberry32; Box and Muller.) */
function randomStream(seed, name) {
  let state = seed >>> 0;
  for (const letter of name) state = Math.imul(state ^ letter.charCodeAt(0), 2654435761) >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  return { uniform, normal };
}

function filled(rows, columns, draw) {
  const m = matrix(rows, columns);
  for (let k = 0; k < m.data.length; k++) m.data[k] = draw();
  return m;
}

const RING = Array.from({ length: 8 }, (_, k) => [Math.sin((k * Math.PI) / 4), Math.cos((k * Math.PI) / 4)]);
const FIVE = [-1, -0.5, 0, 0.5, 1];
const GRID = FIVE.flatMap((x) => FIVE.map((y) => [x, y]));

const around = (centers, sigma) => ({
  centers, sigma, point: ({ uniform, normal }) => centers[Math.floor(uniform() * centers.length)].map((c) => c + sigma * normal()),
});

/* dims: numbers a point has. Of Gaussians also centers and sigma; of others the radius within which a fake is good. */
const POINTS = {
  line: { dims: 1, ...around([[-0.8], [0.7]], 0.1) },
  ring: { dims: 2, ...around(RING, 0.05) },
  grid: { dims: 2, ...around(GRID, 0.04) },
  moons: {
    dims: 2, radius: 0.1, point: ({ uniform, normal }) => {
      const t = Math.PI * uniform(), lower = uniform() < 0.5;
      const [x, y] = lower ? [1 - Math.cos(t), 0.5 - Math.sin(t)] : [Math.cos(t), Math.sin(t)];
      return [(x - 0.5) * 0.75 + 0.03 * normal(), (y - 0.25) * 0.75 + 0.03 * normal()];
    },
  },
  spiral: {
    dims: 2, radius: 0.1, point: ({ uniform, normal }) => {
      const t = 1.5 * Math.PI * (1 + 2 * uniform());
      return [(t * Math.cos(t)) / 13 + 0.02 * normal(), (t * Math.sin(t)) / 13 + 0.02 * normal()];
    },
  },
  drawn: { dims: 2, radius: 0.12 },
};

/* The set of this name. drawn: the reader's own points, each the middle of a small cloud; while there is none, the set
   has no `point` to draw from. */
function pointSet(name, drawn) {
  if (name !== "drawn" || !drawn.length) return POINTS[name];
  return { ...POINTS.drawn, point: around(drawn, 0.03).point };
}

function drawPoints(set, n, random) {
  return matrix(n, set.dims, Array.from({ length: n }, () => set.point(random)).flat());
}

const LEAST_SHARE = 0.01; // of the fakes, that a mode has if it is covered: a stray one covers none

/* How good fakes are.  good: the share within 3σ of a center, or within a radius of a real point;  covered: the modes
   with 1 % of the fakes or more, all good, or the share of real points with a fake within that radius;  of: how many
   modes, or 1 for a share. */
function score(set, fakes, reals) {
  const middles = set.centers ?? rowsOf(reals), reach = set.centers ? 3 * set.sigma : set.radius;
  const found = new Array(middles.length).fill(0); // good fakes nearest to each
  let good = 0;
  for (const fake of rowsOf(fakes)) {
    let nearest = -1, least = reach;
    middles.forEach((middle, k) => {
      const distance = Math.hypot(...fake.map((v, i) => v - middle[i]));
      if (distance > reach) return;
      if (!set.centers) found[k] += 1;
      if (distance <= least) { least = distance; nearest = k; }
    });
    if (nearest >= 0) { good += 1; if (set.centers) found[nearest] += 1; }
  }
  const covered = found.filter((n) => (set.centers ? n >= LEAST_SHARE * fakes.rows : n)).length;
  return { good: good / fakes.rows, covered: set.centers ? covered : covered / middles.length, of: set.centers ? middles.length : 1 };
}

function rowsOf(m) {
  return Array.from({ length: m.rows }, (_, i) => Array.from(m.data.subarray(i * m.columns, (i + 1) * m.columns)));
}
