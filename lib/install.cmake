# The CMake package: find_package(fedcarbon) and fedcarbon::fedcarbon in another project. Included at the top after all
# targets exist.
include(CMakePackageConfigHelpers)

set(modules proto proto_grpc status status_grpc text toml units sync net carbon cumulator meter meter_grpc report report_grpc)
add_library(fedcarbon_all INTERFACE)
set_target_properties(fedcarbon_all PROPERTIES EXPORT_NAME fedcarbon)
set(targets fedcarbon_all)
foreach(module ${modules})
  set_target_properties(fedcarbon_${module} PROPERTIES EXPORT_NAME ${module})
  target_link_libraries(fedcarbon_all INTERFACE fedcarbon_${module})
  list(APPEND targets fedcarbon_${module})
endforeach()

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/fedcarbon)
install(TARGETS ${targets} EXPORT fedcarbonTargets)
install(EXPORT fedcarbonTargets NAMESPACE fedcarbon:: DESTINATION ${package_dir})

# What a program includes (meter/meter.h, meter/grpc/metered.h, report/grpc/metering_service.h, cumulator/cumulator.h), and what
# those include. Every other header is ours to change.
set(public_headers
  carbon/cumulator_model.h carbon/estimate.h carbon/factor.h carbon/network.h cumulator/cumulator.h
  meter/cpu_clock.h meter/fact_sink.h meter/facts.h meter/meter.h meter/grpc/metered.h
  report/grpc/metering_service.h sync/clock.h sync/mutex.h units/units.h)
foreach(header ${public_headers})
  cmake_path(GET header PARENT_PATH folder)
  install(FILES lib/fedcarbon/${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/fedcarbon/${folder})
endforeach()
install(DIRECTORY ${PROJECT_BINARY_DIR}/include-proto/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.h")
install(DIRECTORY proto/ DESTINATION ${CMAKE_INSTALL_DATADIR}/fedcarbon/proto FILES_MATCHING PATTERN "*.proto")
install(TARGETS fedcarbon-coordinator fedcarbon-node fedcarbon)
install(FILES node/package/fedcarbon-node.service DESTINATION lib/systemd/system)

configure_package_config_file(lib/fedcarbonConfig.cmake.in ${PROJECT_BINARY_DIR}/fedcarbonConfig.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/fedcarbonConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/fedcarbonConfig.cmake ${PROJECT_BINARY_DIR}/fedcarbonConfigVersion.cmake
        DESTINATION ${package_dir})
