# What `cmake --install` puts where for programs that embed the engine: its headers, one static library that holds every
# room below it, a CMake package (find_package(walrus), target walrus::store) and a pkg-config file (walrus-store).
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

add_library(walrus_store STATIC $<TARGET_OBJECTS:walrus_base> $<TARGET_OBJECTS:walrus_io>
  $<TARGET_OBJECTS:walrus_storage> $<TARGET_OBJECTS:walrus_embed>)
add_library(walrus::store ALIAS walrus_store)
set_target_properties(walrus_store PROPERTIES OUTPUT_NAME walrus-store EXPORT_NAME store LINKER_LANGUAGE CXX)
target_compile_features(walrus_store PUBLIC cxx_std_23)
target_include_directories(walrus_store PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
  $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
# By name, so that the package does not ask for CMake files that these libraries do not have.
target_link_libraries(walrus_store PUBLIC Threads::Threads fmt::fmt spdlog::spdlog isal uring)
if(WALRUS_SANITIZE)
  target_link_options(walrus_store PUBLIC -fsanitize=${WALRUS_SANITIZE})
endif()

install(TARGETS walrus_store EXPORT walrus ARCHIVE COMPONENT store)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/walrus DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT store)
install(EXPORT walrus FILE walrusTargets.cmake NAMESPACE walrus:: COMPONENT store
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/walrus)
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/walrusConfig.cmake.in walrusConfig.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/walrus)
write_basic_package_version_file(walrusConfigVersion.cmake COMPATIBILITY SameMinorVersion)
configure_file(${CMAKE_CURRENT_LIST_DIR}/walrus-store.pc.in walrus-store.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/walrusConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/walrusConfigVersion.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/walrus COMPONENT store)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/walrus-store.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT store)
