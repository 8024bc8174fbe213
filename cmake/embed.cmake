# A file as an array in C:
#     cmake -DFROM=report.css -DNAME=report_css -DTO=report_css.c -P embed.cmake
file(READ ${FROM} bytes HEX)
string(LENGTH "${bytes}" n)
math(EXPR n "${n} / 2")
string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
file(WRITE ${TO} "#include <stddef.h>
extern const unsigned char ${NAME}[];
extern const size_t ${NAME}_bytes;
const size_t ${NAME}_bytes = ${n};
const unsigned char ${NAME}[] = {
${bytes}};
")
