#include "tests/unit/meter/grpc/echo_client.h"

#include <grpcpp/generic/generic_stub.h>

#include "absl/synchronization/notification.h"
#include "tests/unit/meter/grpc/byte_buffer.h"

namespace fedcarbon::test {

namespace {

Exchange SyncCall(Method method, Echo::Stub* stub, grpc::ClientContext* context,
                  const std::vector<Payload>& requests) {
  Exchange exchange;
  Payload answer;
  switch (method) {
    case Method::kUnary: {
      exchange.tally.sent.Add(requests.front());
      exchange.status = stub->Unary(context, requests.front(), &answer);
      if (exchange.status.ok()) exchange.tally.received.Add(answer);
      break;
    }
    case Method::kClientStream: {
      const auto writer = stub->ClientStream(context, &answer);
      for (const Payload& request : requests) {
        exchange.tally.sent.Add(request);
        writer->Write(request);
      }
      writer->WritesDone();
      exchange.status = writer->Finish();
      if (exchange.status.ok()) exchange.tally.received.Add(answer);
      break;
    }
    case Method::kServerStream: {
      exchange.tally.sent.Add(requests.front());
      const auto reader = stub->ServerStream(context, requests.front());
      while (reader->Read(&answer)) exchange.tally.received.Add(answer);
      exchange.status = reader->Finish();
      break;
    }
    case Method::kBidiStream: {
      const auto stream = stub->BidiStream(context);
      for (const Payload& request : requests) {
        exchange.tally.sent.Add(request);
        stream->Write(request);
        if (stream->Read(&answer)) exchange.tally.received.Add(answer);
      }
      stream->WritesDone();
      while (stream->Read(&answer)) exchange.tally.received.Add(answer);
      exchange.status = stream->Finish();
      break;
    }
  }
  return exchange;
}

size_t SizeOf(const Payload& message) { return message.SerializeAsString().size(); }
size_t SizeOf(const grpc::ByteBuffer& message) { return BytesOf(message).size(); }

// Writes everything, then reads everything; `Base` is one of gRPC's client reactors.
template <typename Base, typename M>
class Reactor : public Base {
 public:
  explicit Reactor(const std::vector<M>& requests) : requests_(requests) {}

  Exchange Await() {
    done_.WaitForNotification();
    return exchange_;
  }

 protected:
  void WriteNext() {
    if (next_ == requests_.size()) return this->StartWritesDone();
    exchange_.tally.sent.Add(SizeOf(requests_[next_]));
    this->StartWrite(&requests_[next_++]);
  }
  void OnDone(const grpc::Status& status) override {
    exchange_.status = status;
    done_.Notify();
  }

  const std::vector<M> requests_;
  size_t next_ = 0;
  M answer_;
  Exchange exchange_;
  absl::Notification done_;
};

class WriteReactor final : public Reactor<grpc::ClientWriteReactor<Payload>, Payload> {
 public:
  using Reactor::Reactor;
  Exchange Run(Echo::Stub* stub, grpc::ClientContext* context) {
    stub->async()->ClientStream(context, &answer_, this);
    WriteNext();
    StartCall();
    Exchange exchange = Await();
    if (exchange.status.ok()) exchange.tally.received.Add(answer_);
    return exchange;
  }

 private:
  void OnWriteDone(bool ok) override {
    if (ok) WriteNext();
  }
};

class ReadReactor final : public Reactor<grpc::ClientReadReactor<Payload>, Payload> {
 public:
  explicit ReadReactor(const Payload& request) : Reactor({request}) {}
  Exchange Run(Echo::Stub* stub, grpc::ClientContext* context) {
    exchange_.tally.sent.Add(requests_.front());
    stub->async()->ServerStream(context, &requests_.front(), this);
    StartRead(&answer_);
    StartCall();
    return Await();
  }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) return;
    exchange_.tally.received.Add(answer_);
    StartRead(&answer_);
  }
};

// Reads and writes at once: both halves of the stream are in the interceptor together.
template <typename M>
class BidiReactor final : public Reactor<grpc::ClientBidiReactor<M, M>, M> {
 public:
  using Reactor<grpc::ClientBidiReactor<M, M>, M>::Reactor;
  Exchange Run() {
    this->StartRead(&this->answer_);
    this->WriteNext();
    this->StartCall();
    return this->Await();
  }

 private:
  void OnWriteDone(bool ok) override {
    if (ok) this->WriteNext();
  }
  void OnReadDone(bool ok) override {
    if (!ok) return;
    this->exchange_.tally.received.Add(SizeOf(this->answer_));
    this->StartRead(&this->answer_);
  }
};

Exchange CallbackCall(Method method, Echo::Stub* stub, grpc::ClientContext* context,
                      const std::vector<Payload>& requests) {
  switch (method) {
    case Method::kUnary: {
      Exchange exchange;
      Payload answer;
      absl::Notification done;
      exchange.tally.sent.Add(requests.front());
      stub->async()->Unary(context, &requests.front(), &answer, [&](grpc::Status status) {
        exchange.status = status;
        if (status.ok()) exchange.tally.received.Add(answer);
        done.Notify();
      });
      done.WaitForNotification();
      return exchange;
    }
    case Method::kClientStream:
      return WriteReactor(requests).Run(stub, context);
    case Method::kServerStream:
      return ReadReactor(requests.front()).Run(stub, context);
    case Method::kBidiStream: {
      BidiReactor<Payload> reactor(requests);
      stub->async()->BidiStream(context, &reactor);
      return reactor.Run();
    }
  }
  return {};
}

// One operation at a time on a queue of its own.
class Queue {
 public:
  ~Queue() {
    queue_.Shutdown();
    while (Wait()) {
    }
  }
  grpc::CompletionQueue* get() { return &queue_; }
  bool Wait() {
    void* tag = nullptr;
    bool ok = false;
    return queue_.Next(&tag, &ok) && ok;
  }

 private:
  grpc::CompletionQueue queue_;
};

template <typename Stream, typename M>
void PingPong(Stream* stream, Queue* queue, const std::vector<M>& requests, size_t answers_between,
              Exchange* exchange) {
  M answer;
  const auto read = [&] {
    stream->Read(&answer, nullptr);
    if (!queue->Wait()) return false;
    exchange->tally.received.Add(SizeOf(answer));
    return true;
  };
  for (const M& request : requests) {
    exchange->tally.sent.Add(SizeOf(request));
    stream->Write(request, nullptr);
    queue->Wait();
    for (size_t i = 0; i < answers_between; ++i) read();
  }
  stream->WritesDone(nullptr);
  queue->Wait();
  while (read()) {
  }
  stream->Finish(&exchange->status, nullptr);
  queue->Wait();
}

Exchange QueueCall(Method method, Echo::Stub* stub, grpc::ClientContext* context,
                   const std::vector<Payload>& requests) {
  Exchange exchange;
  Queue queue;
  Payload answer;
  switch (method) {
    case Method::kUnary: {
      exchange.tally.sent.Add(requests.front());
      const auto reader = stub->AsyncUnary(context, requests.front(), queue.get());
      reader->Finish(&answer, &exchange.status, nullptr);
      queue.Wait();
      if (exchange.status.ok()) exchange.tally.received.Add(answer);
      break;
    }
    case Method::kClientStream: {
      const auto writer = stub->AsyncClientStream(context, &answer, queue.get(), nullptr);
      queue.Wait();
      for (const Payload& request : requests) {
        exchange.tally.sent.Add(request);
        writer->Write(request, nullptr);
        queue.Wait();
      }
      writer->WritesDone(nullptr);
      queue.Wait();
      writer->Finish(&exchange.status, nullptr);
      queue.Wait();
      if (exchange.status.ok()) exchange.tally.received.Add(answer);
      break;
    }
    case Method::kServerStream: {
      exchange.tally.sent.Add(requests.front());
      const auto reader = stub->AsyncServerStream(context, requests.front(), queue.get(), nullptr);
      queue.Wait();
      for (reader->Read(&answer, nullptr); queue.Wait(); reader->Read(&answer, nullptr)) {
        exchange.tally.received.Add(answer);
      }
      reader->Finish(&exchange.status, nullptr);
      queue.Wait();
      break;
    }
    case Method::kBidiStream: {
      const auto stream = stub->AsyncBidiStream(context, queue.get(), nullptr);
      queue.Wait();
      PingPong(stream.get(), &queue, requests, 1, &exchange);
      break;
    }
  }
  return exchange;
}

bool TakesOneRequest(Method method) { return method == Method::kUnary || method == Method::kServerStream; }

std::vector<grpc::ByteBuffer> BuffersOf(Method method, const std::vector<Payload>& requests) {
  std::vector<grpc::ByteBuffer> buffers;
  for (const Payload& request : requests) {
    buffers.push_back(BufferOf(request.SerializeAsString()));
    if (TakesOneRequest(method)) break;
  }
  return buffers;
}

// The method's name given to the stub is gone when the call starts.
Exchange GenericQueueCall(Method method, grpc::GenericStub* stub, grpc::ClientContext* context,
                          const std::vector<grpc::ByteBuffer>& requests) {
  Exchange exchange;
  Queue queue;
  if (method == Method::kUnary) {
    grpc::ByteBuffer answer;
    exchange.tally.sent.Add(SizeOf(requests.front()));
    const auto reader = stub->PrepareUnaryCall(context, PathOf(method), requests.front(), queue.get());
    reader->StartCall();
    reader->Finish(&answer, &exchange.status, nullptr);
    queue.Wait();
    if (exchange.status.ok()) exchange.tally.received.Add(SizeOf(answer));
    return exchange;
  }
  const auto stream = stub->PrepareCall(context, PathOf(method), queue.get());
  stream->StartCall(nullptr);
  queue.Wait();
  PingPong(stream.get(), &queue, requests, method == Method::kBidiStream ? 1 : 0, &exchange);
  return exchange;
}

Exchange GenericCallbackCall(Method method, grpc::GenericStub* stub, grpc::ClientContext* context,
                             const std::vector<grpc::ByteBuffer>& requests) {
  if (method == Method::kUnary) {
    Exchange exchange;
    grpc::ByteBuffer answer;
    absl::Notification done;
    exchange.tally.sent.Add(SizeOf(requests.front()));
    stub->UnaryCall(context, PathOf(method), {}, &requests.front(), &answer, [&](grpc::Status status) {
      exchange.status = status;
      if (status.ok()) exchange.tally.received.Add(SizeOf(answer));
      done.Notify();
    });
    done.WaitForNotification();
    return exchange;
  }
  BidiReactor<grpc::ByteBuffer> reactor(requests);
  stub->PrepareBidiStreamingCall(context, PathOf(method), {}, &reactor);
  return reactor.Run();
}

}  // namespace

std::string NameOf(ClientStyle style) {
  switch (style) {
    case ClientStyle::kSync:
      return "SyncClient";
    case ClientStyle::kCallback:
      return "CallbackClient";
    case ClientStyle::kCompletionQueue:
      return "CompletionQueueClient";
    case ClientStyle::kGenericQueue:
      return "GenericQueueClient";
    case ClientStyle::kGenericCallback:
      return "GenericCallbackClient";
  }
  return "";
}

bool IsRaw(ClientStyle style) {
  return style == ClientStyle::kGenericQueue || style == ClientStyle::kGenericCallback;
}

Exchange Call(ClientStyle style, Method method, const std::shared_ptr<grpc::Channel>& channel,
              grpc::ClientContext* context, const std::vector<Payload>& requests) {
  const auto stub = Echo::NewStub(channel);
  grpc::GenericStub generic(channel);
  switch (style) {
    case ClientStyle::kSync:
      return SyncCall(method, stub.get(), context, requests);
    case ClientStyle::kCallback:
      return CallbackCall(method, stub.get(), context, requests);
    case ClientStyle::kCompletionQueue:
      return QueueCall(method, stub.get(), context, requests);
    case ClientStyle::kGenericQueue:
      return GenericQueueCall(method, &generic, context, BuffersOf(method, requests));
    case ClientStyle::kGenericCallback:
      return GenericCallbackCall(method, &generic, context, BuffersOf(method, requests));
  }
  return {};
}

}  // namespace fedcarbon::test
