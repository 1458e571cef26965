// The files of the page, built into the program.
#pragma once

#include <string>

#include "server/web/response.h"

namespace fedcarbon::server {

/// The answer for the file of this name ("" is the page itself); null if there is none. Lives for ever.
const Response* FindAsset(const std::string& name);

}  // namespace fedcarbon::server
