#include "sites_binding.h"

#include <cmath>

#include "site_check.h"

namespace oximy {
namespace {

constexpr double kLargestInteger = 9007199254740991;  // Number.MAX_SAFE_INTEGER
constexpr uint32_t kMostSites = 64, kLongestProof = 64;

uint64_t IntegerFromJs(const Napi::Value& value, const char* what) {
  if (!value.IsNumber()) throw Napi::TypeError::New(value.Env(), std::string(what) + " must be a number");
  const double number = value.As<Napi::Number>().DoubleValue();
  if (!(number >= 0 && number <= kLargestInteger) || number != std::floor(number)) {
    throw Napi::RangeError::New(value.Env(), std::string(what) + ": not a whole number");
  }
  return static_cast<uint64_t>(number);
}

std::string TextFromJs(const Napi::Value& value, const char* what) {
  if (!value.IsString()) throw Napi::TypeError::New(value.Env(), std::string(what) + " must be a string");
  return value.As<Napi::String>().Utf8Value();
}

Napi::Array ArrayFromJs(const Napi::Value& value, uint32_t most, const char* what) {
  if (!value.IsArray()) throw Napi::TypeError::New(value.Env(), std::string(what) + " must be an array");
  const auto array = value.As<Napi::Array>();
  if (array.Length() > most) throw Napi::RangeError::New(value.Env(), std::string(what) + ": too many");
  return array;
}

ClaimedSite ClaimFromJs(const Napi::Value& value) {
  if (!value.IsObject()) throw Napi::TypeError::New(value.Env(), "a site must be an object");
  const auto object = value.As<Napi::Object>();
  ClaimedSite claim{TextFromJs(object.Get("kind"), "kind"),
                    IntegerFromJs(object.Get("offset"), "offset"),
                    TextFromJs(object.Get("rule"), "rule"),
                    {}};
  const auto proof = ArrayFromJs(object.Get("proof"), kLongestProof, "proof");
  for (uint32_t i = 0; i < proof.Length(); i++) claim.proof.push_back(IntegerFromJs(proof.Get(i), "proof"));
  return claim;
}

int DescriptorFromJs(const Napi::Value& value) {
  const uint64_t fd = IntegerFromJs(value, "fd");
  if (fd > INT32_MAX) throw Napi::RangeError::New(value.Env(), "fd: out of range");
  return static_cast<int>(fd);
}

Napi::Value CheckSitesJs(const Napi::CallbackInfo& info) {
  const auto array = ArrayFromJs(info[2], kMostSites, "sites");
  std::vector<ClaimedSite> claims;
  for (uint32_t i = 0; i < array.Length(); i++) claims.push_back(ClaimFromJs(array.Get(i)));
  const auto checked = CheckSites(DescriptorFromJs(info[0]), TextFromJs(info[1], "machine"), claims);
  auto answer = Napi::Array::New(info.Env(), checked.size());
  for (uint32_t i = 0; i < checked.size(); i++) answer.Set(i, Napi::Boolean::New(info.Env(), checked[i]));
  return answer;
}

Napi::Value BuildIdJs(const Napi::CallbackInfo& info) {
  const std::string id = BuildIdOf(DescriptorFromJs(info[0]));
  return id.empty() ? info.Env().Null() : Napi::Value(Napi::String::New(info.Env(), id));
}

}  // namespace

void ExportSites(Napi::Env env, Napi::Object exports) {
  exports.Set("checkSites", Napi::Function::New(env, CheckSitesJs, "checkSites"));
  exports.Set("buildId", Napi::Function::New(env, BuildIdJs, "buildId"));
}

}  // namespace oximy
