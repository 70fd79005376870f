#include "textflag.h"

// func haveCLMUL() bool
TEXT ·haveCLMUL(SB), NOSPLIT|NOFRAME, $0-1
	MOVL $1, AX
	XORL CX, CX
	CPUID
	SHRL $1, CX
	ANDL $1, CX
	MOVB CX, ret+0(FP)
	RET

// FOLD replaces the accumulator x by itself, moved up by the distance of the constants
// in k, plus what is at p: both halves are multiplied, and added.
#define FOLD(x, t, k, p) \
	MOVO      x, t;      \
	PCLMULQDQ $0x00, k, x; \
	PCLMULQDQ $0x11, k, t; \
	PXOR      t, x;      \
	MOVOU     p, t;      \
	PXOR      t, x

// MERGE adds the accumulator x, moved up by 16 bytes, to y.
#define MERGE(x, t, k, y) \
	MOVO      x, t;      \
	PCLMULQDQ $0x00, k, x; \
	PCLMULQDQ $0x11, k, t; \
	PXOR      x, y;      \
	PXOR      t, y

// func fold(rest *[16]byte, crc uint64, p *byte, n int, far, near *[2]uint64)
TEXT ·fold(SB), NOSPLIT|NOFRAME, $0-48
	MOVQ  rest+0(FP), DI
	MOVQ  crc+8(FP), X4
	MOVQ  p+16(FP), SI
	MOVQ  n+24(FP), CX
	MOVQ  far+32(FP), AX
	MOVQ  near+40(FP), BX
	MOVOU (AX), X5
	MOVOU (BX), X6
	MOVOU (SI), X0
	MOVOU 16(SI), X1
	MOVOU 32(SI), X2
	MOVOU 48(SI), X3
	PXOR  X4, X0

loop:
	ADDQ $64, SI
	SUBQ $64, CX
	JLE  done
	FOLD(X0, X8, X5, (SI))
	FOLD(X1, X9, X5, 16(SI))
	FOLD(X2, X10, X5, 32(SI))
	FOLD(X3, X11, X5, 48(SI))
	JMP  loop

done:
	MERGE(X0, X8, X6, X1)
	MERGE(X1, X9, X6, X2)
	MERGE(X2, X10, X6, X3)
	MOVOU X3, (DI)
	RET
