#include "fedcarbon/carbon/estimate.h"

#include <cmath>

namespace fedcarbon {
namespace {

v1::Estimate ToProto(double central, const std::optional<Interval<double>>& interval, bool at_least) {
  v1::Estimate proto;
  proto.set_central(central);
  if (interval.has_value()) {
    proto.set_low(interval->low);
    proto.set_high(interval->high);
  }
  proto.set_at_least(at_least);
  return proto;
}

}  // namespace

Estimate<double> WithinFactor(double central, double spread) {
  return Estimate<double>::Within(central / spread, central, central * spread);
}

Estimate<double> Product(std::initializer_list<Estimate<double>> factors) {
  Estimate<double> product = Estimate<double>::Within(1, 1, 1);
  double low_sigma_squared = 0;
  double high_sigma_squared = 0;
  for (const Estimate<double>& factor : factors) {
    product.central *= factor.central;
    product.at_least = product.at_least || factor.at_least;
    if (!factor.interval.has_value()) product.interval.reset();
    if (!product.interval.has_value()) continue;
    product.interval->high *= factor.interval->high;
    const double low_sigma = std::log(factor.central / factor.interval->low) / kNormalP95;
    const double high_sigma = std::log(factor.interval->high / factor.central) / kNormalP95;
    low_sigma_squared += low_sigma * low_sigma;
    high_sigma_squared += high_sigma * high_sigma;
  }
  if (!product.interval.has_value()) return product;
  if (product.central == 0) {
    product.interval->low = 0;
    return product;
  }
  product.interval->low = product.central * std::exp(-kNormalP95 * std::sqrt(low_sigma_squared));
  product.interval->high = product.central * std::exp(kNormalP95 * std::sqrt(high_sigma_squared));
  return product;
}

v1::Estimate ToProto(const Estimate<Joules>& estimate) {
  std::optional<Interval<double>> interval;
  if (estimate.interval.has_value()) {
    interval = Interval<double>{estimate.interval->low.joules(), estimate.interval->high.joules()};
  }
  return ToProto(estimate.central.joules(), interval, estimate.at_least);
}

v1::Estimate ToProto(const Estimate<Grams>& estimate) {
  std::optional<Interval<double>> interval;
  if (estimate.interval.has_value()) {
    interval = Interval<double>{estimate.interval->low.grams(), estimate.interval->high.grams()};
  }
  return ToProto(estimate.central.grams(), interval, estimate.at_least);
}

v1::Estimate ToProto(const Estimate<double>& estimate) {
  return ToProto(estimate.central, estimate.interval, estimate.at_least);
}

}  // namespace fedcarbon
