#include "textflag.h"

// func Prefetch(p unsafe.Pointer)
TEXT ·Prefetch(SB), NOSPLIT|NOFRAME, $0-8
	MOVQ p+0(FP), AX
	PREFETCHT0 (AX)
	RET

// func Prefetch16(addrs *[16]uintptr, n int)
TEXT ·Prefetch16(SB), NOSPLIT|NOFRAME, $0-16
	MOVQ addrs+0(FP), SI
	MOVQ n+8(FP), CX
	CMPQ CX, $16
	JLE  check
	MOVQ $16, CX
check:
	TESTQ CX, CX
	JLE   done
loop:
	MOVQ -8(SI)(CX*8), AX
	PREFETCHT0 (AX)
	DECQ CX
	JNZ  loop
done:
	RET
