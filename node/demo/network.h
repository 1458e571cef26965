// A small fully connected network: rectified hidden layers, one logistic output. Without hidden layers it is
// a logistic regression.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "node/demo/heart_disease.h"

namespace fedcarbon::demo {

/// Not thread-safe: it computes in buffers of its own.
class Network {
 public:
  /// `widths` of the layers, inputs first and 1 last. All parameters are zero.
  explicit Network(std::vector<size_t> widths);

  /// Weights drawn at random (He's initialisation), biases zero. One layer alone starts from zero: its loss
  /// is convex.
  void Initialise(uint64_t seed);

  const std::vector<size_t>& widths() const { return widths_; }

  /// Per layer: weights by input, then by output; then biases. The setter takes as many as there are.
  const std::vector<float>& parameters() const { return parameters_; }
  void set_parameters(std::vector<float> parameters);

  /// The log-odds of disease.
  float Predict(const Features& features);

  /// Cross-entropy of one patient; adds its gradient to `gradient`, which is as long as the parameters.
  float AddGradient(const Patient& patient, std::vector<float>* gradient);

  /// parameters -= rate * gradient.
  void Step(float rate, const std::vector<float>& gradient);

  /// How many parameters a network of these widths has.
  static size_t CountParameters(const std::vector<size_t>& widths);

 private:
  std::vector<size_t> widths_;
  std::vector<float> parameters_;
  std::vector<std::vector<float>> values_;  // of each layer; hidden ones rectified
  std::vector<std::vector<float>> slopes_;  // of the loss by each value
};

}  // namespace fedcarbon::demo
