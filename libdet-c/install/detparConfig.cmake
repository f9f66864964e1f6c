# find_package(detpar) gives the target detpar::detpar.
if(NOT TARGET detpar::detpar)
  get_filename_component(_detpar_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
  add_library(detpar::detpar SHARED IMPORTED)
  set_target_properties(detpar::detpar PROPERTIES
    IMPORTED_LOCATION "${_detpar_prefix}/lib/libdetpar.so.0"
    IMPORTED_SONAME "libdetpar.so.0"
    INTERFACE_INCLUDE_DIRECTORIES "${_detpar_prefix}/include"
    INTERFACE_LINK_OPTIONS "-Wl,-z,now")
  unset(_detpar_prefix)
endif()
