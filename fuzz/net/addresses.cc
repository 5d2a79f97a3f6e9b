// Every text form of addresses: what is accepted must print and read back equal.
#include "net/addresses.h"

#include <cstdlib>

using namespace net;

template <class Form> static void round_trip(std::string_view text) {
    auto form = Form::parse(text);
    if (form && Form::parse(form->text()).value() != *form) std::abort();
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    round_trip<Address>(text);
    round_trip<Cidr>(text);
    round_trip<Subnet>(text);
    round_trip<Mac>(text);
    if (auto bip = parse_bip(text); bip && !bip->network().contains(bip->address)) std::abort();
    if (auto pool = PoolSpec::parse(text)) {
        auto picked = pick_subnet(std::span(&*pool, 1), {});
        if (!picked || !pool->base.contains(*picked)) std::abort();
    }
    return 0;
}
