// Every field of facts.proto, at its bound and one beyond it. Which bound a field of a fact has follows from
// its type and name, so that a field that is added is tested too.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "fedcarbon/report/batch_limits.h"
#include "fedcarbon/report/batch_reader.h"

namespace fedcarbon {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using ::testing::HasSubstr;

constexpr uint64_t kLongest = batch_limits::kMaxMicroseconds;

v1::Batch Valid() {
  v1::Batch batch;
  batch.set_format(1);
  batch.set_node("hospital-a");
  batch.set_epoch(1);
  batch.set_sequence(1);
  for (const char* name : {"b", "a"}) batch.add_strings(name);  // each may be a method, a peer and a run
  return batch;
}

absl::Status Open(const v1::Batch& batch) {
  v1::SealedBatch sealed;
  sealed.set_batch(batch.SerializeAsString());
  return OpenSealedBatch(sealed.SerializeAsString()).status();
}

TEST(BatchBoundsTest, HeaderAtItsBoundsAndBeyond) {
  using Set = std::function<void(v1::Batch*)>;
  struct Case {
    const char* field;
    Set at;
    Set beyond;  // empty: every value is taken
    absl::StatusCode code = absl::StatusCode::kInvalidArgument;
  };
  const std::string label = std::string(63, 'n') + ".";
  const std::string node = label + label + label + std::string(61, 'n');
  const Case cases[] = {
      {"format", [](v1::Batch* b) { b->set_format(1); }, [](v1::Batch* b) { b->set_format(0); }},
      {"format", [](v1::Batch* b) { b->set_format(1); }, [](v1::Batch* b) { b->set_format(2); },
       absl::StatusCode::kFailedPrecondition},
      {"node", [&](v1::Batch* b) { b->set_node(node); }, [&](v1::Batch* b) { b->set_node(node + "n"); }},
      {"node", [](v1::Batch* b) { b->set_node("n"); }, [](v1::Batch* b) { b->set_node(""); }},
      {"epoch", [](v1::Batch* b) { b->set_epoch(1); }, [](v1::Batch* b) { b->set_epoch(0); }},
      {"epoch", [](v1::Batch* b) { b->set_epoch(UINT64_MAX); }, {}},
      {"sequence", [](v1::Batch* b) { b->set_sequence(1); }, [](v1::Batch* b) { b->set_sequence(0); }},
      {"sequence", [](v1::Batch* b) { b->set_sequence(UINT64_MAX); }, {}},
      {"wall_time_us", [](v1::Batch* b) { b->set_wall_time_us(batch_limits::kMaxMicroseconds); },
       [](v1::Batch* b) { b->set_wall_time_us(batch_limits::kMaxMicroseconds + 1); }},
      {"wall_time_us", [](v1::Batch* b) { b->set_wall_time_us(-batch_limits::kMaxMicroseconds); },
       [](v1::Batch* b) { b->set_wall_time_us(-batch_limits::kMaxMicroseconds - 1); }},
      {"monotonic_us", [](v1::Batch* b) { b->set_monotonic_us(INT64_MIN); }, {}},
      {"boot_id", [](v1::Batch* b) { b->set_boot_id(std::string(64, 'b')); },
       [](v1::Batch* b) { b->set_boot_id(std::string(65, 'b')); }},
      {"strings",
       [](v1::Batch* b) { b->add_strings(std::string(60'000, ' ')); },
       {}},  // until one is pointed at
  };
  std::set<std::string> tested;
  for (const Case& c : cases) {
    tested.insert(c.field);
    v1::Batch batch = Valid();
    c.at(&batch);
    EXPECT_TRUE(Open(batch).ok()) << c.field << ": " << Open(batch);
    if (!c.beyond) continue;
    batch = Valid();
    c.beyond(&batch);
    EXPECT_EQ(Open(batch).code(), c.code) << c.field;
    EXPECT_THAT(std::string(Open(batch).message()), HasSubstr(c.field));
  }
  const google::protobuf::Descriptor& fields = *v1::Batch::descriptor();
  for (int i = 0; i < fields.field_count(); ++i) {
    if (fields.field(i)->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) continue;
    EXPECT_EQ(tested.count(fields.field(i)->name()), 1u) << fields.field(i)->name() << " has no bound here";
  }
}

void SetNumber(const FieldDescriptor& field, uint64_t number, Message* fact) {
  const google::protobuf::Reflection& set = *fact->GetReflection();
  if (field.is_repeated()) set.ClearField(fact, &field);
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_UINT64:
      return field.is_repeated() ? set.AddUInt64(fact, &field, number) : set.SetUInt64(fact, &field, number);
    case FieldDescriptor::CPPTYPE_UINT32:
      return field.is_repeated() ? set.AddUInt32(fact, &field, static_cast<uint32_t>(number))
                                 : set.SetUInt32(fact, &field, static_cast<uint32_t>(number));
    case FieldDescriptor::CPPTYPE_INT64:
      return field.is_repeated() ? set.AddInt64(fact, &field, static_cast<int64_t>(number))
                                 : set.SetInt64(fact, &field, static_cast<int64_t>(number));
    case FieldDescriptor::CPPTYPE_ENUM:
      return set.SetEnumValue(fact, &field, static_cast<int>(number));
    case FieldDescriptor::CPPTYPE_BOOL:
      return set.SetBool(fact, &field, number != 0);
    default:
      FAIL() << field.full_name() << " is of a type that this test does not know";
  }
}

/// A value for `field` of a fact; text is so many letters.
void SetField(const FieldDescriptor& field, uint64_t value, Message* fact) {
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
    fact->GetReflection()->SetString(fact, &field, std::string(value, 'x'));
  } else {
    SetNumber(field, value, fact);
  }
}

struct Bound {
  std::vector<uint64_t> taken;
  std::vector<uint64_t> refused;
};

Bound BoundOf(const FieldDescriptor& field) {
  const std::string& name = field.name();
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING) return {{0, 256}, {257}};
  if (name == "method" || name == "peer" || name == "run") return {{0, 2}, {3, UINT32_MAX}};
  if (name == "status") return {{0, 17}, {18, UINT32_MAX}};
  const bool is_unsigned = field.cpp_type() == FieldDescriptor::CPPTYPE_UINT64;
  if (is_unsigned && absl::EndsWith(name, "_us")) return {{0, kLongest}, {kLongest + 1, UINT64_MAX}};
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_INT64) {
    return {{0, static_cast<uint64_t>(INT64_MIN), static_cast<uint64_t>(INT64_MAX)}, {}};
  }
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_ENUM) return {{0, INT32_MAX}, {}};  // of a newer version
  return {{0, UINT64_MAX}, {}};
}

/// Adds to `list` what is well-formed whatever a single field of it is.
Message* AddFact(const FieldDescriptor& list, v1::Batch* batch) {
  Message* const fact = batch->GetReflection()->AddMessage(batch, &list);
  if (list.message_type() == v1::Transfers::descriptor()) {
    static_cast<v1::Transfers*>(fact)->add_call_id(1);
    static_cast<v1::Transfers*>(fact)->add_start_us(0);
  }
  return fact;
}

/// Tests the fields of the message that `add` puts into a batch.
void TestFields(const google::protobuf::Descriptor& type, const std::string& list,
                const std::function<Message*(v1::Batch*)>& add) {
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    SCOPED_TRACE(field.full_name());
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      TestFields(*field.message_type(), list, [&](v1::Batch* batch) {
        Message* const fact = add(batch);
        return fact->GetReflection()->AddMessage(fact, &field);
      });
      continue;
    }
    const Bound bound = BoundOf(field);
    for (const uint64_t value : bound.taken) {
      v1::Batch batch = Valid();
      SetField(field, value, add(&batch));
      EXPECT_TRUE(Open(batch).ok()) << value << ": " << Open(batch);
    }
    for (const uint64_t value : bound.refused) {
      v1::Batch batch = Valid();
      SetField(field, value, add(&batch));
      EXPECT_EQ(Open(batch).code(), absl::StatusCode::kInvalidArgument) << value;
      EXPECT_THAT(std::string(Open(batch).message()), HasSubstr(list + "[0]."));
      EXPECT_THAT(std::string(Open(batch).message()), HasSubstr(field.name()));
    }
  }
}

TEST(BatchBoundsTest, EveryFieldOfEveryFactAtItsBoundAndBeyond) {
  const google::protobuf::Descriptor& fields = *v1::Batch::descriptor();
  for (int i = 0; i < fields.field_count(); ++i) {
    const FieldDescriptor& list = *fields.field(i);
    if (list.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    TestFields(*list.message_type(), list.name(), [&](v1::Batch* batch) { return AddFact(list, batch); });
  }
}

TEST(BatchBoundsTest, AColumnHasOneEntryPerTransferOrNone) {
  const google::protobuf::Descriptor& fields = *v1::Transfers::descriptor();
  for (int i = 0; i < fields.field_count(); ++i) {
    const FieldDescriptor& column = *fields.field(i);
    if (!column.is_repeated()) continue;
    for (const int entries : {0, 1, 2}) {
      SCOPED_TRACE(::testing::Message() << column.name() << ", " << entries << " for one transfer");
      v1::Batch batch = Valid();
      v1::Transfers* const group = batch.add_transfers();
      group->add_call_id(1);
      group->add_start_us(0);
      const google::protobuf::Reflection& set = *group->GetReflection();
      set.ClearField(group, &column);
      for (int entry = 0; entry < entries; ++entry) {
        v1::Transfers one;
        SetNumber(column, 0, &one);
        group->MergeFrom(one);
      }
      const bool is_required = column.name() == "call_id" || column.name() == "start_us";
      EXPECT_EQ(Open(batch).ok(), entries == 1 || (entries == 0 && !is_required)) << Open(batch);
    }
  }
}

TEST(BatchBoundsTest, ASealedBatchAtItsLimitAndBeyond) {
  for (const size_t beyond : {0, 1}) {
    v1::SealedBatch sealed;
    sealed.set_batch(Valid().SerializeAsString());
    sealed.set_algorithm(v1::SealedBatch::ALGORITHM_ED25519);
    sealed.set_key_id("key");
    // A tag, and a length of three bytes.
    sealed.set_signature(std::string(kMaxSealedBatchBytes - sealed.ByteSizeLong() - 4 + beyond, 's'));
    ASSERT_EQ(sealed.ByteSizeLong(), kMaxSealedBatchBytes + beyond);
    EXPECT_EQ(OpenSealedBatch(sealed.SerializeAsString()).status().code(),
              beyond == 0 ? absl::StatusCode::kOk : absl::StatusCode::kResourceExhausted);
  }
}

}  // namespace
}  // namespace fedcarbon
