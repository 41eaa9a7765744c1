#include "pipeline/scattered_frames.h"

#include <gmock/gmock.h>

namespace walkback::pipeline {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr uint32_t kFull = 128;

TEST(ScatteredFrames, WholeOnesStay) {
  EXPECT_THAT(frames_to_empty({{128, 128}, {128, 100}, {40, 40}}, 268, kFull, 10), IsEmpty());
}

TEST(ScatteredFrames, AFewThinOnesStay) {
  EXPECT_THAT(frames_to_empty({{128, 128}, {128, 31}, {3, 3}}, 162, kFull, 10), IsEmpty());
}

TEST(ScatteredFrames, WithEnoughToFillOneTheyAreEmptied) {
  const std::vector<FrameUse> frames{{128, 31}, {128, 32}, {128, 31}, {31, 31},
                                     {128, 0},  {40, 31},  {4, 4}};
  EXPECT_THAT(frames_to_empty(frames, 160, kFull, 50), ElementsAre(0, 2, 3, 5, 6));
}

TEST(ScatteredFrames, NoMoreIsMovedThanWhatChangedAndAFrame) {
  const std::vector<FrameUse> frames(20, {128, 30});
  EXPECT_EQ(frames_to_empty(frames, 600, kFull, 0).size(), 4u);
  EXPECT_EQ(frames_to_empty(frames, 600, kFull, 100).size(), 7u);
}

TEST(ScatteredFrames, ThoseWithLeastLeftGoFirst) {
  std::vector<FrameUse> frames(10, {128, 30});
  frames[7].of_use = 1;
  frames[3].of_use = 20;
  EXPECT_THAT(frames_to_empty(frames, 300, kFull, 0), ElementsAre(0, 1, 2, 3, 7));
}

TEST(ScatteredFrames, WhereARestoreWouldReadTooMuchTheyAreEmptiedToo) {
  std::vector<FrameUse> frames(5, {10, 2});
  EXPECT_THAT(frames_to_empty(frames, 10, kFull, 1), ElementsAre(0, 1, 2, 3, 4));
  frames.pop_back();
  EXPECT_THAT(frames_to_empty(frames, 10, kFull, 1), IsEmpty()) << "four times the file";
}

}  // namespace
}  // namespace walkback::pipeline
