/**
 * Stands in for libFuzzer where only gcc is there: feeds random mutations of the seeds for some seconds. It has no
 * eyes for coverage, so it finds less.
 */
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

using Input = std::vector<uint8_t>;

Input ReadSeed(const char* path) {
  Input seed;
  if (std::FILE* file = std::fopen(path, "rb")) {
    for (int byte; (byte = std::fgetc(file)) != EOF;) seed.push_back(static_cast<uint8_t>(byte));
    std::fclose(file);
  }
  return seed;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return EXIT_FAILURE;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(std::atoi(argv[1]));
  std::vector<Input> seeds{Input(128)};
  for (int i = 2; i < argc; i++) seeds.push_back(ReadSeed(argv[i]));
  std::mt19937 random(1);
  unsigned long runs = 0;
  for (; runs % 256 != 0 || std::chrono::steady_clock::now() < end; runs++) {
    Input input = seeds[random() % seeds.size()];
    for (unsigned change = random() % 8; change > 0 && !input.empty(); change--) {
      input[random() % input.size()] = static_cast<uint8_t>(random());
    }
    if (random() % 4 == 0) input.resize(random() % (2 * input.size() + 1));
    LLVMFuzzerTestOneInput(input.data(), input.size());
  }
  std::printf("%lu runs\n", runs);
  return EXIT_SUCCESS;
}
