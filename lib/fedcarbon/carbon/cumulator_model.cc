#include "fedcarbon/carbon/cumulator_model.h"

#include "absl/strings/str_format.h"

namespace fedcarbon {

std::string CumulatorText(Grams computation, Grams communication) {
  return absl::StrFormat(
      "########\n"
      "Overall carbon footprint: %.2e gCO2eq\n"
      "########\n"
      "Carbon footprint due to computations: %.2e gCO2eq\n"
      "Carbon footprint due to communications: %.2e gCO2eq\n",
      (computation + communication).grams(), computation.grams(), communication.grams());
}

}  // namespace fedcarbon
