if(WALKBACK_SANITIZE)
  add_compile_options(-fsanitize=${WALKBACK_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${WALKBACK_SANITIZE})
endif()
