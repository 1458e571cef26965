#include "fedcarbon/meter/grpc/metered.h"

#include <utility>

#include "fedcarbon/meter/grpc/call_interceptor.h"
#include "fedcarbon/meter/grpc/call_registry.h"

namespace fedcarbon {

namespace {

using grpc::experimental::ClientInterceptorFactoryInterface;
using grpc::experimental::Interceptor;
using grpc::experimental::ServerInterceptorFactoryInterface;

class InterceptorFactory final : public ClientInterceptorFactoryInterface,
                                 public ServerInterceptorFactoryInterface {
 public:
  explicit InterceptorFactory(std::shared_ptr<const CallInterceptorState> state) : state_(std::move(state)) {}

  Interceptor* CreateClientInterceptor(grpc::experimental::ClientRpcInfo* info) override {
    return state_->recorder->inert() ? nullptr : new CallInterceptor(state_, info);
  }
  Interceptor* CreateServerInterceptor(grpc::experimental::ServerRpcInfo* info) override {
    return state_->recorder->inert() ? nullptr : new CallInterceptor(state_, info);
  }

 private:
  const std::shared_ptr<const CallInterceptorState> state_;
};

// The application's interceptors, then ours, which so sees what really leaves.
template <typename Factory>
std::vector<std::unique_ptr<Factory>> Interceptors(
    const std::vector<std::function<std::unique_ptr<Factory>()>>& of_application, const Meter& meter,
    const CallInterceptorOptions& options) {
  std::vector<std::unique_ptr<Factory>> factories;
  for (const auto& create : of_application) factories.push_back(create());
  if (meter.enabled()) {
    auto state = std::make_shared<CallInterceptorState>();
    state->recorder = meter.recorder();
    state->send_context = options.send_context;
    state->raw = options.raw;
    state->raw_methods.insert(options.raw_methods.begin(), options.raw_methods.end());
    factories.push_back(std::make_unique<InterceptorFactory>(std::move(state)));
  }
  return factories;
}

void NameRound(const void* context, const RoundId& round) {
  if (const auto call = CallRegistry::Get().Find(context)) call->SetRound(round);
}

}  // namespace

std::shared_ptr<grpc::Channel> CreateMeteredChannel(
    const std::string& target, const std::shared_ptr<grpc::ChannelCredentials>& credentials,
    std::shared_ptr<Meter> meter, const CallInterceptorOptions& options,
    const grpc::ChannelArguments& arguments) {
  auto interceptors = Interceptors(options.client_interceptors, *meter, options);
  if (interceptors.empty()) return grpc::CreateCustomChannel(target, credentials, arguments);
  return grpc::experimental::CreateCustomChannelWithInterceptors(target, credentials, arguments,
                                                                 std::move(interceptors));
}

void MeterServer(grpc::ServerBuilder* builder, std::shared_ptr<Meter> meter,
                 const CallInterceptorOptions& options) {
  auto interceptors = Interceptors(options.server_interceptors, *meter, options);
  if (interceptors.empty()) return;
  builder->experimental().SetInterceptorCreators(std::move(interceptors));
}

void SetRound(const grpc::ServerContextBase* context, const RoundId& round) { NameRound(context, round); }

void SetRound(const grpc::ClientContext* context, const RoundId& round) { NameRound(context, round); }

}  // namespace fedcarbon
