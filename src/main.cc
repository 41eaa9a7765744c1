#include "app/run.h"

int main(int argc, char** argv) { return walkback::app::run(argc, argv); }
