#include "node/demo/network.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace fedcarbon::demo {
namespace {

Patient RandomPatient(uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal;
  Patient patient;
  for (float& feature : patient.features) feature = normal(random);
  patient.diseased = random() % 2 == 0;
  return patient;
}

float Loss(const Patient& patient, Network* network) {
  std::vector<float> unused(network->parameters().size());
  return network->AddGradient(patient, &unused);
}

TEST(Network, CountsTheParametersThatTheDataReadmeNames) {
  EXPECT_EQ(Network::CountParameters({13, 1}), 14u);
  EXPECT_EQ(Network::CountParameters({13, 512, 512, 1}), 270'337u);
}

class NetworkGradient : public testing::TestWithParam<std::vector<size_t>> {};
INSTANTIATE_TEST_SUITE_P(Widths, NetworkGradient,
                         testing::Values(std::vector<size_t>{13, 1}, std::vector<size_t>{13, 8, 1},
                                         std::vector<size_t>{13, 19, 10, 1}));

TEST_P(NetworkGradient, AgreesWithFiniteDifferences) {
  Network network(GetParam());
  network.Initialise(5);
  std::mt19937_64 random(17);
  std::normal_distribution<float> normal(0, 0.5f);
  std::vector<float> parameters(network.parameters().size());
  for (float& parameter : parameters) parameter = normal(random);
  const Patient patient = RandomPatient(3);

  std::vector<float> gradient(parameters.size());
  network.set_parameters(parameters);
  network.AddGradient(patient, &gradient);
  constexpr float kStep = 1e-3f;
  for (size_t i = 0; i < parameters.size(); ++i) {
    std::vector<float> moved = parameters;
    moved[i] += kStep;
    network.set_parameters(moved);
    const float above = Loss(patient, &network);
    moved[i] -= 2 * kStep;
    network.set_parameters(moved);
    const float below = Loss(patient, &network);
    EXPECT_NEAR(gradient[i], (above - below) / (2 * kStep), 2e-3f + 0.01f * std::abs(gradient[i]))
        << "parameter " << i;
  }
}

TEST(NetworkGradient, AddsToWhatIsThere) {
  Network network({13, 4, 1});
  network.Initialise(1);
  std::vector<float> once(network.parameters().size()), twice(network.parameters().size());
  const Patient patient = RandomPatient(9);
  network.AddGradient(patient, &once);
  network.AddGradient(patient, &twice);
  network.AddGradient(patient, &twice);
  for (size_t i = 0; i < once.size(); ++i) EXPECT_FLOAT_EQ(twice[i], 2 * once[i]);
}

TEST(Network, LossOfAHopelessPredictionIsFinite) {
  Network network({13, 1});
  network.set_parameters(std::vector<float>(14, 1000.0f));
  Patient patient;
  patient.features.fill(1000.0f);
  patient.diseased = false;
  EXPECT_TRUE(std::isfinite(Loss(patient, &network)));
}

TEST(Network, StepGoesAgainstTheGradient) {
  Network network({13, 1});
  std::vector<float> gradient(14);
  gradient[3] = 2;
  network.Step(0.5f, gradient);
  EXPECT_EQ(network.parameters()[3], -1);
  EXPECT_EQ(network.parameters()[4], 0);
}

}  // namespace
}  // namespace fedcarbon::demo
