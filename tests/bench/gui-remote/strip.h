/*
 * The strip of cells by which a picture says which one it is, whatever carries it and however
 * lossily: three cells of known colours, eight of the picture's number, one that a key press turns.
 */
#ifndef BENCH_GUI_STRIP_H
#define BENCH_GUI_STRIP_H

#define STRIP_CELL 16 /* pixels, either way */
#define STRIP_BITS 8
#define STRIP_FIRST_BIT 3
#define STRIP_KEY (STRIP_FIRST_BIT + STRIP_BITS)
#define STRIP_CELLS (STRIP_KEY + 1)

#define STRIP_MAGENTA 0xff00ff
#define STRIP_GREEN 0x00ff00
#define STRIP_WHITE 0xffffff

#endif
