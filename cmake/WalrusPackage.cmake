# What `cmake --install` puts where for other people's programs: walrus::store (the engine inside a program) and
# walrus::client (talks to a cluster), each with its headers, one static library that holds every room below it, a part
# of the CMake package `walrus` and a pkg-config file. Components: store, client.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# walrus_package(<name> DESCRIPTION text ROOMS room... HEADERS directory... LIBS lib... PC_REQUIRES package...)
function(walrus_package name)
  cmake_parse_arguments(ARG "" "DESCRIPTION;HEADERS" "ROOMS;LIBS;PC_REQUIRES" ${ARGN})
  list(TRANSFORM ARG_ROOMS REPLACE "(.+)" "$<TARGET_OBJECTS:walrus_\\1>" OUTPUT_VARIABLE objects)
  add_library(walrus_${name}_package STATIC ${objects})
  add_library(walrus::${name} ALIAS walrus_${name}_package)
  set_target_properties(walrus_${name}_package PROPERTIES OUTPUT_NAME walrus-${name} EXPORT_NAME ${name}
    LINKER_LANGUAGE CXX)
  target_compile_features(walrus_${name}_package PUBLIC cxx_std_23)
  target_include_directories(walrus_${name}_package PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/${ARG_HEADERS}>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  # By name, so that the package does not ask for CMake files that these libraries do not have.
  target_link_libraries(walrus_${name}_package PUBLIC Threads::Threads ${ARG_LIBS})
  if(WALRUS_SANITIZE)
    target_link_options(walrus_${name}_package PUBLIC -fsanitize=${WALRUS_SANITIZE})
  endif()

  install(TARGETS walrus_${name}_package EXPORT walrus-${name} ARCHIVE COMPONENT ${name})
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/${ARG_HEADERS}/walrus DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
    COMPONENT ${name})
  install(EXPORT walrus-${name} FILE walrus-${name}-targets.cmake NAMESPACE walrus:: COMPONENT ${name}
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/walrus)
  install(FILES ${PROJECT_BINARY_DIR}/walrusConfig.cmake ${PROJECT_BINARY_DIR}/walrusConfigVersion.cmake
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/walrus COMPONENT ${name})

  set(PACKAGE_NAME walrus-${name})
  set(PACKAGE_DESCRIPTION ${ARG_DESCRIPTION})
  list(JOIN ARG_PC_REQUIRES " " PACKAGE_REQUIRES)
  configure_file(${PROJECT_SOURCE_DIR}/cmake/walrus.pc.in ${PROJECT_BINARY_DIR}/walrus-${name}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/walrus-${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
    COMPONENT ${name})
endfunction()

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/walrusConfig.cmake.in ${PROJECT_BINARY_DIR}/walrusConfig.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/walrus)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/walrusConfigVersion.cmake COMPATIBILITY SameMinorVersion)
