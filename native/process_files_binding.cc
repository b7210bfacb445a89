#include "process_files_binding.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "js_answers.h"
#include "process_files.h"
#include "side_threads.h"

namespace oximy {
namespace {

/** Files in /proc do not depend on any user's file system: they are read even for a user whose other reads hang. */
constexpr uint32_t kNobodysFiles = UINT32_MAX;

/**
 * Runs the work on a side thread. The promise resolves to null when no thread is free in time; it never rejects. It is
 * settled when the work is done, however late: the caller enforces the limit (src/trust/process-files.ts).
 */
Napi::Value RunOnSideThread(const Napi::CallbackInfo& info, uint32_t owner, const Napi::Value& limit,
                            std::function<ToJs()> work) {
  const Napi::Env env = info.Env();
  const auto deadline = SideClock::now() + std::chrono::milliseconds(limit.ToNumber().Int64Value());
  auto* const question = new Question(env);
  const Napi::Promise promise = question->deferred.Promise();
  const auto none = [](Napi::Env to) -> Napi::Value { return to.Null(); };
  const auto answers = Answers::Of(env);
  const bool is_taken = RunAside(owner, deadline, [question, answers, none, work = std::move(work)](bool in_time) {
    question->answer = in_time ? work() : ToJs(none);
    answers->Give(question);
  });
  if (!is_taken) {
    const std::unique_ptr<Question> own(question);
    own->deferred.Resolve(env.Null());
  }
  return promise;
}

ProcessRef ProcessFromJs(const Napi::Value& value) {
  if (!value.IsObject()) throw Napi::TypeError::New(value.Env(), "process must be {pid, startTime, uid}");
  const auto object = value.As<Napi::Object>();
  return {object.Get("pid").ToNumber().Int32Value(),
          static_cast<uint64_t>(object.Get("startTime").ToNumber().Int64Value())};
}

uint32_t UidFromJs(const Napi::Value& value) {
  const Napi::Value uid = value.As<Napi::Object>().Get("uid");
  if (!uid.IsNumber()) throw Napi::TypeError::New(value.Env(), "process must be {pid, startTime, uid}");
  return uid.As<Napi::Number>().Uint32Value();
}

Napi::Array StringsToJs(Napi::Env env, const std::vector<std::string>& strings) {
  auto array = Napi::Array::New(env, strings.size());
  for (uint32_t i = 0; i < strings.size(); i++) array.Set(i, strings[i]);
  return array;
}

/** `device:inode:size:mtime:ctime`: compared and hashed, never parsed. */
std::string IdentityText(const FileIdentity& file) {
  std::string text;
  for (const uint64_t part : {file.device, file.inode, file.size, file.mtime, file.ctime}) {
    text += (text.empty() ? "" : ":") + std::to_string(part);
  }
  return text;
}

Napi::Value FileToJs(const Napi::CallbackInfo& info, uint32_t uid, std::function<FileResult()> read) {
  return RunOnSideThread(info, uid, info[3], [read = std::move(read)]() -> ToJs {
    auto result = std::make_shared<FileResult>(read());
    return [result](Napi::Env env) -> Napi::Value {
      if (result->answer == FileAnswer::kUnknown) return env.Null();
      if (result->answer == FileAnswer::kAbsent) return Napi::String::New(env, "absent");
      if (result->answer == FileAnswer::kRefused) return Napi::String::New(env, "refused");
      auto object = Napi::Object::New(env);
      const FileContent& content = result->content;
      object.Set("identity", IdentityText(content.identity));
      const auto microseconds = std::max(content.identity.mtime, content.identity.ctime) / 1000;
      object.Set("changedAt", Napi::Number::New(env, static_cast<double>(microseconds) / 1000));
      if (result->answer == FileAnswer::kRead) {
        object.Set("bytes", Napi::Buffer<char>::Copy(env, content.bytes.data(), content.bytes.size()));
      }
      return object;
    };
  });
}

Napi::Value ReadFileAsJs(const Napi::CallbackInfo& info) {
  const ProcessRef process = ProcessFromJs(info[0]);
  const uint32_t uid = UidFromJs(info[0]);
  const std::string path = info[1].ToString().Utf8Value();
  const auto max_bytes = static_cast<size_t>(info[2].ToNumber().Int64Value());
  const std::string known = info[4].IsString() ? info[4].ToString().Utf8Value() : std::string();
  const auto is_known = [known](const FileIdentity& identity) {
    return !known.empty() && IdentityText(identity) == known;
  };
  return FileToJs(info, uid, [=] { return ReadFileAs(process, uid, path, max_bytes, is_known); });
}

Napi::Value ReadFileOfJs(const Napi::CallbackInfo& info) {
  const uint32_t uid = UidFromJs(info[0]);
  const uint32_t gid = info[0].As<Napi::Object>().Get("gid").ToNumber().Uint32Value();
  const std::string path = info[1].ToString().Utf8Value();
  const auto max_bytes = static_cast<size_t>(info[2].ToNumber().Int64Value());
  return FileToJs(info, uid, [=] { return ReadFileOf(uid, gid, path, max_bytes); });
}

Napi::Value ListFolderAsJs(const Napi::CallbackInfo& info) {
  const ProcessRef process = ProcessFromJs(info[0]);
  const uint32_t uid = UidFromJs(info[0]);
  const std::string path = info[1].ToString().Utf8Value();
  const auto max_names = static_cast<size_t>(info[2].ToNumber().Int64Value());
  return RunOnSideThread(info, uid, info[3], [=]() -> ToJs {
    auto names = ListFolderAs(process, uid, path, max_names);
    return [names = std::move(names)](Napi::Env env) -> Napi::Value {
      return names ? Napi::Value(StringsToJs(env, *names)) : env.Null();
    };
  });
}

using FindPath = std::optional<std::string> (*)(const ProcessRef& process, uint32_t uid, const std::string& path);

Napi::Value PathToJs(const Napi::CallbackInfo& info, FindPath find) {
  const ProcessRef process = ProcessFromJs(info[0]);
  const uint32_t uid = UidFromJs(info[0]);
  const std::string path = info[1].ToString().Utf8Value();
  return RunOnSideThread(info, uid, info[2], [=]() -> ToJs {
    auto target = find(process, uid, path);
    return [target = std::move(target)](Napi::Env env) -> Napi::Value {
      return target ? Napi::Value(Napi::String::New(env, *target)) : env.Null();
    };
  });
}

Napi::Value ResolveAsJs(const Napi::CallbackInfo& info) { return PathToJs(info, ResolveAs); }

Napi::Value ReadLinkAsJs(const Napi::CallbackInfo& info) { return PathToJs(info, ReadLinkAs); }

Napi::Value ReadProgramFilesJs(const Napi::CallbackInfo& info) {
  const ProcessRef process = ProcessFromJs(info[0]);
  std::vector<std::string> names;
  const auto array = info[1].As<Napi::Array>();
  for (uint32_t i = 0; i < array.Length(); i++) names.push_back(array.Get(i).ToString().Utf8Value());
  const bool with_mapped = info[3].ToBoolean();
  return RunOnSideThread(info, kNobodysFiles, info[2], [=]() -> ToJs {
    auto files = ReadProgramFiles(process, names, with_mapped);
    return [files = std::move(files)](Napi::Env env) -> Napi::Value {
      if (!files) return env.Null();
      auto object = Napi::Object::New(env);
      object.Set("executable", IdentityText(files->executable));
      object.Set("size", Napi::Number::New(env, static_cast<double>(files->executable.size)));
      object.Set("tree", files->tree);
      object.Set("workingDirectory", files->working_directory);
      object.Set("environment", env.Null());
      if (files->environment) {
        auto environment = Napi::Object::New(env);
        for (const auto& [name, value] : *files->environment) environment.Set(name, value);
        object.Set("environment", environment);
      }
      object.Set("mapped", files->mapped ? Napi::Value(StringsToJs(env, *files->mapped)) : env.Null());
      return object;
    };
  });
}

Napi::Value ReadMappedFilesJs(const Napi::CallbackInfo& info) {
  const ProcessRef process = ProcessFromJs(info[0]);
  return RunOnSideThread(info, kNobodysFiles, info[1], [=]() -> ToJs {
    auto files = ReadMappedFiles(process);
    return [files = std::move(files)](Napi::Env env) -> Napi::Value {
      return files ? Napi::Value(StringsToJs(env, *files)) : env.Null();
    };
  });
}

Napi::Value ReadExecutablePartJs(const Napi::CallbackInfo& info) {
  const ProcessRef process = ProcessFromJs(info[0]);
  const auto offset = static_cast<uint64_t>(info[1].ToNumber().Int64Value());
  const auto length = static_cast<size_t>(info[2].ToNumber().Uint32Value());
  return RunOnSideThread(info, UidFromJs(info[0]), info[3], [=]() -> ToJs {
    auto bytes = ReadExecutablePart(process, offset, length);
    return [bytes = std::move(bytes)](Napi::Env env) -> Napi::Value {
      return bytes ? Napi::Value(Napi::Buffer<char>::Copy(env, bytes->data(), bytes->size())) : env.Null();
    };
  });
}

Napi::Value FindInExecutableJs(const Napi::CallbackInfo& info) {
  const ProcessRef process = ProcessFromJs(info[0]);
  const auto offset = static_cast<uint64_t>(info[1].ToNumber().Int64Value());
  const auto length = static_cast<uint64_t>(info[2].ToNumber().Int64Value());
  const std::string text = info[3].ToString().Utf8Value();
  return RunOnSideThread(info, UidFromJs(info[0]), info[4], [=]() -> ToJs {
    const auto found = FindInExecutable(process, offset, length, text);
    return [found](Napi::Env env) -> Napi::Value {
      return found ? Napi::Value(Napi::Boolean::New(env, *found)) : env.Null();
    };
  });
}

}  // namespace

void ExportProcessFiles(Napi::Env env, Napi::Object exports) {
  exports.Set("readFileAs", Napi::Function::New(env, ReadFileAsJs, "readFileAs"));
  exports.Set("readFileOf", Napi::Function::New(env, ReadFileOfJs, "readFileOf"));
  exports.Set("listFolderAs", Napi::Function::New(env, ListFolderAsJs, "listFolderAs"));
  exports.Set("readLinkAs", Napi::Function::New(env, ReadLinkAsJs, "readLinkAs"));
  exports.Set("resolveAs", Napi::Function::New(env, ResolveAsJs, "resolveAs"));
  exports.Set("readProgramFiles", Napi::Function::New(env, ReadProgramFilesJs, "readProgramFiles"));
  exports.Set("readMappedFiles", Napi::Function::New(env, ReadMappedFilesJs, "readMappedFiles"));
  exports.Set("readExecutablePart", Napi::Function::New(env, ReadExecutablePartJs, "readExecutablePart"));
  exports.Set("findInExecutable", Napi::Function::New(env, FindInExecutableJs, "findInExecutable"));
}

}  // namespace oximy
