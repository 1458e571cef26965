#include "fedcarbon/carbon/estimate.h"

#include <cmath>

namespace fedcarbon {
namespace {

// `amount`: of a quantity, in the unit of the protocol.
template <typename Q, typename Amount>
v1::Estimate ToProto(const Estimate<Q>& estimate, const Amount& amount) {
  v1::Estimate proto;
  proto.set_central(amount(estimate.central));
  if (estimate.interval.has_value()) {
    proto.set_low(amount(estimate.interval->low));
    proto.set_high(amount(estimate.interval->high));
  }
  proto.set_at_least(estimate.at_least);
  proto.set_at_most(estimate.at_most);
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
    product.at_most = product.at_most || factor.at_most;
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
  return ToProto(estimate, [](Joules joules) { return joules.joules(); });
}

v1::Estimate ToProto(const Estimate<Grams>& estimate) {
  return ToProto(estimate, [](Grams grams) { return grams.grams(); });
}

v1::Estimate ToProto(const Estimate<double>& estimate) {
  return ToProto(estimate, [](double value) { return value; });
}

}  // namespace fedcarbon
