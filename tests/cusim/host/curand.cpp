// libcurand.so.10: cuRAND's generators.
#include "host.h"
#include "random.h"

using cusim::Generator;

enum curandStatus { SUCCESS = 0, LENGTH_NOT_MULTIPLE = 105 };

EXPORT int curandGetVersion(int *version) {
  *version = 10400;
  return SUCCESS;
}
EXPORT int curandCreateGenerator(Generator **generator, int) {
  *generator = new Generator;
  return SUCCESS;
}
EXPORT int curandDestroyGenerator(Generator *generator) {
  delete generator;
  return SUCCESS;
}
EXPORT int curandSetStream(Generator *, void *) { return SUCCESS; }
EXPORT int curandSetPseudoRandomGeneratorSeed(Generator *generator, unsigned long long seed) {
  generator->seed(seed);
  return SUCCESS;
}
EXPORT int curandSetGeneratorOffset(Generator *, unsigned long long) { return SUCCESS; }
EXPORT int curandSetGeneratorOrdering(Generator *, int) { return SUCCESS; }

template <class T, class Draw> static int fill(T *out, size_t size, Draw draw) {
  for (size_t i = 0; i < size; i++) out[i] = static_cast<T>(draw());
  return SUCCESS;
}
template <class T> static int normals(Generator &generator, T *out, size_t size, T mean, T deviation) {
  if (size % 2) return LENGTH_NOT_MULTIPLE;
  return fill(out, size, [&] { return mean + deviation * cusim::normal<T>(generator); });
}
template <class T> static int log_normals(Generator &generator, T *out, size_t size, T mean, T deviation) {
  return fill(out, size, [&] { return std::exp(mean + deviation * cusim::normal<T>(generator)); });
}

EXPORT int curandGenerate(Generator *generator, unsigned *out, size_t size) { 
  return fill(out, size, [=] { return (*generator)(); });
}
EXPORT int curandGenerateLongLong(Generator *generator, unsigned long long *out, size_t size) {
  return fill(out, size, [=] { return (*generator)(); });
}
EXPORT int curandGenerateUniform(Generator *generator, float *out, size_t size) {
  return fill(out, size, [=] { return cusim::uniform<float>(*generator); });
}
EXPORT int curandGenerateUniformDouble(Generator *generator, double *out, size_t size) {
  return fill(out, size, [=] { return cusim::uniform<double>(*generator); });
}
EXPORT int curandGenerateNormal(Generator *generator, float *out, size_t size, float mean, float deviation) {
  return normals(*generator, out, size, mean, deviation);
}
EXPORT int curandGenerateNormalDouble(Generator *generator, double *out, size_t size, double mean, double deviation) {
  return normals(*generator, out, size, mean, deviation);
}
EXPORT int curandGenerateLogNormal(Generator *generator, float *out, size_t size, float mean, float deviation) {
  return log_normals(*generator, out, size, mean, deviation);
}
EXPORT int curandGenerateLogNormalDouble(Generator *generator, double *out, size_t size, double mean,
                                         double deviation) {
  return log_normals(*generator, out, size, mean, deviation);
}
EXPORT int curandGeneratePoisson(Generator *generator, unsigned *out, size_t size, double mean) {
  std::poisson_distribution<unsigned> poisson(mean);
  return fill(out, size, [&] { return poisson(*generator); });
}
