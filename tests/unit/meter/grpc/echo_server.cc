#include "tests/unit/meter/grpc/echo_server.h"

#include <grpcpp/generic/async_generic_service.h>

#include <deque>
#include <thread>

#include "gtest/gtest.h"
#include "tests/unit/meter/grpc/byte_buffer.h"

namespace fedcarbon::test {

std::string NameOf(ServerStyle style) {
  switch (style) {
    case ServerStyle::kSync:
      return "SyncServer";
    case ServerStyle::kCallback:
      return "CallbackServer";
    case ServerStyle::kCompletionQueue:
      return "CompletionQueueServer";
    case ServerStyle::kGeneric:
      return "GenericServer";
  }
  return "";
}

void EchoServer::Start(grpc::ServerBuilder* builder, const std::shared_ptr<Meter>& meter,
                       const CallInterceptorOptions& options) {
  int port = 0;
  builder->AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder->SetMaxReceiveMessageSize(-1);
  MeterServer(builder, meter, options);
  grpc_server_ = builder->BuildAndStart();
  ASSERT_NE(grpc_server_, nullptr);
  address_ = "127.0.0.1:" + std::to_string(port);
}

void EchoServer::Stop() {
  grpc_server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(10));
  grpc_server_->Wait();
}

ServiceServer::ServiceServer(grpc::Service* service, const std::shared_ptr<Meter>& meter,
                             const CallInterceptorOptions& options) {
  grpc::ServerBuilder builder;
  builder.RegisterService(service);
  Start(&builder, meter, options);
}

ServiceServer::~ServiceServer() { Stop(); }

namespace {

class SyncServer final : public EchoServer, public Echo::Service {
 public:
  SyncServer(const std::shared_ptr<Meter>& meter, const CallInterceptorOptions& options) {
    grpc::ServerBuilder builder;
    builder.RegisterService(this);
    Start(&builder, meter, options);
  }
  ~SyncServer() override { Stop(); }

 private:
  grpc::Status Unary(grpc::ServerContext*, const Payload* request, Payload* answer) override {
    tally_.Received(*request);
    *answer = Answerer(Method::kUnary).OnRequest(*request).front();
    tally_.Sent(*answer);
    return grpc::Status::OK;
  }
  grpc::Status ClientStream(grpc::ServerContext*, grpc::ServerReader<Payload>* reader,
                            Payload* answer) override {
    Answerer answerer(Method::kClientStream);
    Payload request;
    while (reader->Read(&request)) {
      tally_.Received(request);
      answerer.OnRequest(request);
    }
    *answer = answerer.OnEnd().front();
    tally_.Sent(*answer);
    return grpc::Status::OK;
  }
  grpc::Status ServerStream(grpc::ServerContext*, const Payload* request,
                            grpc::ServerWriter<Payload>* writer) override {
    tally_.Received(*request);
    for (const Payload& answer : Answerer(Method::kServerStream).OnRequest(*request)) {
      tally_.Sent(answer);
      writer->Write(answer);
    }
    return grpc::Status::OK;
  }
  grpc::Status BidiStream(grpc::ServerContext*, grpc::ServerReaderWriter<Payload, Payload>* stream) override {
    Answerer answerer(Method::kBidiStream);
    Payload request;
    while (stream->Read(&request)) {
      tally_.Received(request);
      for (const Payload& answer : answerer.OnRequest(request)) {
        tally_.Sent(answer);
        stream->Write(answer);
      }
    }
    return grpc::Status::OK;
  }
};

Payload PayloadOf(const Payload& message) { return message; }
Payload PayloadOf(const grpc::ByteBuffer& message) {
  Payload payload;
  EXPECT_TRUE(payload.ParseFromString(BytesOf(message)));
  return payload;
}

template <typename M>
M MessageOf(const Payload& payload);
template <>
Payload MessageOf<Payload>(const Payload& payload) {
  return payload;
}
template <>
grpc::ByteBuffer MessageOf<grpc::ByteBuffer>(const Payload& payload) {
  return BufferOf(payload.SerializeAsString());
}

// Reads, answers, and reads on; at the client's half-close sends what is left and finishes. Typed servers use
// it for BidiStream, generic ones for all methods.
template <typename M>
class AnsweringBidiReactor final : public grpc::ServerBidiReactor<M, M> {
 public:
  AnsweringBidiReactor(Method method, ServerTally* tally) : answerer_(method), tally_(tally) {
    this->StartRead(&request_);
  }

 private:
  void OnReadDone(bool ok) override {
    if (ok) {
      const Payload request = PayloadOf(request_);
      tally_->Received(request);
      for (const Payload& answer : answerer_.OnRequest(request)) answers_.push_back(answer);
    } else {
      ended_ = true;
      for (const Payload& answer : answerer_.OnEnd()) answers_.push_back(answer);
    }
    Continue();
  }
  void OnWriteDone(bool ok) override {
    if (!ok) return this->Finish(grpc::Status::CANCELLED);
    Continue();
  }
  void Continue() {
    if (!answers_.empty()) {
      tally_->Sent(answers_.front());
      answer_ = MessageOf<M>(answers_.front());
      answers_.pop_front();
      this->StartWrite(&answer_);
    } else if (ended_) {
      this->Finish(grpc::Status::OK);
    } else {
      this->StartRead(&request_);
    }
  }
  void OnDone() override { delete this; }

  Answerer answerer_;
  ServerTally* const tally_;
  M request_, answer_;
  std::deque<Payload> answers_;
  bool ended_ = false;
};

class AnsweringReadReactor final : public grpc::ServerReadReactor<Payload> {
 public:
  AnsweringReadReactor(Payload* answer, ServerTally* tally) : answer_(answer), tally_(tally) {
    StartRead(&request_);
  }

 private:
  void OnReadDone(bool ok) override {
    if (ok) {
      tally_->Received(request_);
      answerer_.OnRequest(request_);
      return StartRead(&request_);
    }
    *answer_ = answerer_.OnEnd().front();
    tally_->Sent(*answer_);
    Finish(grpc::Status::OK);
  }
  void OnDone() override { delete this; }

  Answerer answerer_{Method::kClientStream};
  Payload* const answer_;
  ServerTally* const tally_;
  Payload request_;
};

class AnsweringWriteReactor final : public grpc::ServerWriteReactor<Payload> {
 public:
  AnsweringWriteReactor(const Payload& request, ServerTally* tally)
      : answers_(Answerer(Method::kServerStream).OnRequest(request)), tally_(tally) {
    OnWriteDone(true);
  }

 private:
  void OnWriteDone(bool) override {
    if (next_ == answers_.size()) return Finish(grpc::Status::OK);
    tally_->Sent(answers_[next_]);
    StartWrite(&answers_[next_++]);
  }
  void OnDone() override { delete this; }

  const std::vector<Payload> answers_;
  ServerTally* const tally_;
  size_t next_ = 0;
};

class CallbackServer final : public EchoServer, public Echo::CallbackService {
 public:
  CallbackServer(const std::shared_ptr<Meter>& meter, const CallInterceptorOptions& options) {
    grpc::ServerBuilder builder;
    builder.RegisterService(this);
    Start(&builder, meter, options);
  }
  ~CallbackServer() override { Stop(); }

 private:
  grpc::ServerUnaryReactor* Unary(grpc::CallbackServerContext* context, const Payload* request,
                                  Payload* answer) override {
    tally_.Received(*request);
    *answer = Answerer(Method::kUnary).OnRequest(*request).front();
    tally_.Sent(*answer);
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
  grpc::ServerReadReactor<Payload>* ClientStream(grpc::CallbackServerContext*, Payload* answer) override {
    return new AnsweringReadReactor(answer, &tally_);
  }
  grpc::ServerWriteReactor<Payload>* ServerStream(grpc::CallbackServerContext*,
                                                  const Payload* request) override {
    tally_.Received(*request);
    return new AnsweringWriteReactor(*request, &tally_);
  }
  grpc::ServerBidiReactor<Payload, Payload>* BidiStream(grpc::CallbackServerContext*) override {
    return new AnsweringBidiReactor<Payload>(Method::kBidiStream, &tally_);
  }
};

class GenericServer final : public EchoServer, public grpc::CallbackGenericService {
 public:
  GenericServer(const std::shared_ptr<Meter>& meter, const CallInterceptorOptions& options) {
    grpc::ServerBuilder builder;
    builder.RegisterCallbackGenericService(this);
    Start(&builder, meter, options);
  }
  ~GenericServer() override { Stop(); }

 private:
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override {
    for (const Method method : kMethods) {
      if (context->method() == PathOf(method))
        return new AnsweringBidiReactor<grpc::ByteBuffer>(method, &tally_);
    }
    return CallbackGenericService::CreateReactor(context);
  }
};

// One thread and queue per method, which serves one call after the other.
class CompletionQueueServer final : public EchoServer {
 public:
  CompletionQueueServer(const std::shared_ptr<Meter>& meter, const CallInterceptorOptions& options) {
    grpc::ServerBuilder builder;
    builder.RegisterService(&service_);
    for (auto& queue : queues_) queue = builder.AddCompletionQueue();
    Start(&builder, meter, options);
    threads_[0] = std::thread([this] {
      while (Unary(queues_[0].get())) {
      }
    });
    threads_[1] = std::thread([this] {
      while (ClientStream(queues_[1].get())) {
      }
    });
    threads_[2] = std::thread([this] {
      while (ServerStream(queues_[2].get())) {
      }
    });
    threads_[3] = std::thread([this] {
      while (BidiStream(queues_[3].get())) {
      }
    });
  }
  ~CompletionQueueServer() override {
    {
      MutexLock lock(&mutex_);
      stopping_ = true;
    }
    Stop();
    for (auto& queue : queues_) queue->Shutdown();
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  using Queue = grpc::ServerCompletionQueue;

  // Waits for the one operation under way.
  static bool Wait(Queue* queue) {
    void* tag = nullptr;
    bool ok = false;
    return queue->Next(&tag, &ok) && ok;
  }
  static void Drain(Queue* queue) {
    void* tag = nullptr;
    bool ok = false;
    while (queue->Next(&tag, &ok)) {
    }
  }

  // Waits for a call that `request` asks for; gRPC forbids to ask once the server shuts down.
  template <typename Request>
  bool Await(Queue* queue, Request request) {
    {
      MutexLock lock(&mutex_);
      if (stopping_) return Drain(queue), false;
      request();
    }
    return Wait(queue) || (Drain(queue), false);
  }

  bool Unary(Queue* queue) {
    grpc::ServerContext context;
    Payload request;
    grpc::ServerAsyncResponseWriter<Payload> writer(&context);
    if (!Await(queue, [&] { service_.RequestUnary(&context, &request, &writer, queue, queue, this); }))
      return false;
    tally_.Received(request);
    const Payload answer = Answerer(Method::kUnary).OnRequest(request).front();
    tally_.Sent(answer);
    writer.Finish(answer, grpc::Status::OK, this);
    Wait(queue);
    return true;
  }
  bool ClientStream(Queue* queue) {
    grpc::ServerContext context;
    Payload request;
    grpc::ServerAsyncReader<Payload, Payload> reader(&context);
    if (!Await(queue, [&] { service_.RequestClientStream(&context, &reader, queue, queue, this); }))
      return false;
    Answerer answerer(Method::kClientStream);
    for (reader.Read(&request, this); Wait(queue); reader.Read(&request, this)) {
      tally_.Received(request);
      answerer.OnRequest(request);
    }
    const Payload answer = answerer.OnEnd().front();
    tally_.Sent(answer);
    reader.Finish(answer, grpc::Status::OK, this);
    Wait(queue);
    return true;
  }
  bool ServerStream(Queue* queue) {
    grpc::ServerContext context;
    Payload request;
    grpc::ServerAsyncWriter<Payload> writer(&context);
    if (!Await(queue, [&] { service_.RequestServerStream(&context, &request, &writer, queue, queue, this); }))
      return false;
    tally_.Received(request);
    for (const Payload& answer : Answerer(Method::kServerStream).OnRequest(request)) {
      tally_.Sent(answer);
      writer.Write(answer, this);
      Wait(queue);
    }
    writer.Finish(grpc::Status::OK, this);
    Wait(queue);
    return true;
  }
  bool BidiStream(Queue* queue) {
    grpc::ServerContext context;
    Payload request;
    grpc::ServerAsyncReaderWriter<Payload, Payload> stream(&context);
    if (!Await(queue, [&] { service_.RequestBidiStream(&context, &stream, queue, queue, this); }))
      return false;
    Answerer answerer(Method::kBidiStream);
    for (stream.Read(&request, this); Wait(queue); stream.Read(&request, this)) {
      tally_.Received(request);
      for (const Payload& answer : answerer.OnRequest(request)) {
        tally_.Sent(answer);
        stream.Write(answer, this);
        Wait(queue);
      }
    }
    stream.Finish(grpc::Status::OK, this);
    Wait(queue);
    return true;
  }

  Echo::AsyncService service_;
  Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::unique_ptr<Queue> queues_[4];
  std::thread threads_[4];
};

}  // namespace

std::unique_ptr<EchoServer> StartEchoServer(ServerStyle style, const std::shared_ptr<Meter>& meter,
                                            CallInterceptorOptions options) {
  switch (style) {
    case ServerStyle::kSync:
      return std::make_unique<SyncServer>(meter, options);
    case ServerStyle::kCallback:
      return std::make_unique<CallbackServer>(meter, options);
    case ServerStyle::kCompletionQueue:
      return std::make_unique<CompletionQueueServer>(meter, options);
    case ServerStyle::kGeneric:
      options.raw = true;
      return std::make_unique<GenericServer>(meter, options);
  }
  return nullptr;
}

}  // namespace fedcarbon::test
