#include "http_parse.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    http_fuzz(codec::http1::Side::request, data, size);
    return 0;
}
