#include "fedcarbon/report/fact_lists.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "fedcarbon/report/batch_reader.h"

namespace fedcarbon {
namespace {

using google::protobuf::FieldDescriptor;

/// The lists of facts that facts.proto declares.
std::vector<const FieldDescriptor*> DeclaredLists() {
  std::vector<const FieldDescriptor*> lists;
  const google::protobuf::Descriptor& batch = *v1::Batch::descriptor();
  for (int i = 0; i < batch.field_count(); ++i) {
    if (batch.field(i)->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) lists.push_back(batch.field(i));
  }
  return lists;
}

TEST(FactListsTest, AreAllThatFactsProtoDeclares) {
  std::vector<std::string> declared;
  for (const FieldDescriptor* list : DeclaredLists()) declared.push_back(list->name());
  std::vector<std::string> listed;
  ForEachFactList([&](const auto& list) { listed.emplace_back(list.name); });
  EXPECT_EQ(listed, declared);
}

TEST(FactListsTest, EachIsTheListOfItsName) {
  ForEachFactList([](const auto& list) {
    v1::Batch batch;
    (batch.*list.mutate)()->Add();
    EXPECT_EQ((batch.*list.get)().size(), 1);
    EXPECT_EQ(batch.GetReflection()->FieldSize(batch, v1::Batch::descriptor()->FindFieldByName(list.name)), 1)
        << list.name;
  });
}

// What a batch that is refused for ever is said to have held.
TEST(CountFactsTest, AFactOfEveryKindCounts) {
  for (const FieldDescriptor* list : DeclaredLists()) {
    v1::Batch batch;
    google::protobuf::Message* const fact = batch.GetReflection()->AddMessage(&batch, list);
    if (list->message_type() == v1::Transfers::descriptor())
      static_cast<v1::Transfers*>(fact)->add_call_id(1);
    EXPECT_EQ(CountFacts(batch), 1u) << list->name();
  }
}

TEST(CountFactsTest, AGroupCountsItsTransfers) {
  v1::Batch batch;
  for (uint64_t call = 1; call <= 3; ++call) batch.add_transfers();
  for (uint64_t call = 1; call <= 5; ++call) batch.mutable_transfers(1)->add_call_id(call);
  batch.add_connections();
  EXPECT_EQ(CountFacts(batch), 6u);
}

}  // namespace
}  // namespace fedcarbon
