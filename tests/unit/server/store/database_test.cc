#include "server/store/sqlite/database.h"

#include <memory>

#include "gtest/gtest.h"

namespace fedcarbon::server {
namespace {

class DatabaseTest : public testing::Test {
 protected:
  const std::unique_ptr<Database> database_ = Database::Open(":memory:").value();
};

TEST_F(DatabaseTest, StatementsAreKnownByTheirTextNotByItsPlace) {
  char sql[] = "SELECT 1";
  for (int number : {1, 2, 1}) {
    sql[7] = static_cast<char>('0' + number);
    Statement statement = database_->Prepare(sql);
    ASSERT_TRUE(statement.Step().value());
    EXPECT_EQ(statement.Int(0), number);
  }
}

TEST_F(DatabaseTest, StatementThatCannotBePreparedSaysSoAtStep) {
  for (int attempt = 0; attempt < 2; ++attempt) {
    Statement statement = database_->Prepare("SELECT nothing FROM nowhere WHERE x = ?");
    EXPECT_EQ(statement.Bind(1).Step().status().code(), absl::StatusCode::kInternal);
  }
}

TEST_F(DatabaseTest, KeptStatementSeesATableMadeAnew) {
  for (int number : {1, 2}) {
    ASSERT_TRUE(database_->Execute("CREATE TEMP TABLE t (a INTEGER)").ok());
    ASSERT_TRUE(database_->Prepare("INSERT INTO t VALUES (?)").Bind(number).Run().ok());
    {
      Statement statement = database_->Prepare("SELECT a FROM t");
      ASSERT_TRUE(statement.Step().value());
      EXPECT_EQ(statement.Int(0), number);
    }
    ASSERT_TRUE(database_->Execute("DROP TABLE t").ok());
  }
}

using DatabaseDeathTest = DatabaseTest;

TEST_F(DatabaseDeathTest, OneStatementOfATextAtATime) {
  const Statement first = database_->Prepare("SELECT 1");
  EXPECT_DEATH(database_->Prepare("SELECT 1"), "in_use");
}

}  // namespace
}  // namespace fedcarbon::server
