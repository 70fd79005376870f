#include "textflag.h"

// func Prefetch(p unsafe.Pointer)
TEXT ·Prefetch(SB), NOSPLIT|NOFRAME, $0-8
	MOVD p+0(FP), R0
	PRFM (R0), PLDL1KEEP
	RET

// func Prefetch16(addrs *[16]uintptr, n int)
TEXT ·Prefetch16(SB), NOSPLIT|NOFRAME, $0-16
	MOVD addrs+0(FP), R0
	MOVD n+8(FP), R1
	CMP  $16, R1
	BLE  check
	MOVD $16, R1
check:
	CMP  $0, R1
	BLE  done
loop:
	MOVD.P 8(R0), R2
	PRFM (R2), PLDL1KEEP
	SUBS $1, R1, R1
	BNE  loop
done:
	RET
