# fedcarbon_embed(<target> <file> <symbol>): makes the bytes of a file available to <target> as
# `extern const std::string_view <symbol>` in namespace fedcarbon::embedded.
function(fedcarbon_embed target file symbol)
  set(output ${CMAKE_CURRENT_BINARY_DIR}/embedded_${symbol}.cc)
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DINPUT=${file} -DOUTPUT=${output} -DSYMBOL=${symbol}
            -P ${PROJECT_SOURCE_DIR}/lib/embed_file.cmake
    DEPENDS ${file} ${PROJECT_SOURCE_DIR}/lib/embed_file.cmake
    VERBATIM)
  target_sources(${target} PRIVATE ${output})
endfunction()
