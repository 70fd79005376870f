package hllcmd

import (
	"kvorum/command"
	"kvorum/ds/hll"
	"kvorum/resp"
)

var pfselftestSpec = &command.Spec{
	Name: "pfselftest", Since: "2.8.9", Group: "hyperloglog", SysCmd: true,
	Complexity: "N/A",
	Summary:    "Tests the implementation of HyperLogLog.",
	Arity:      1, Flags: command.Admin, Categories: command.CatHyperLogLog,
	Handler: pfselftest,
}

// pfselftest runs beside the event loop: it takes about a second.
func pfselftest(c *command.Ctx) {
	seed, sparseMax := c.Rng.Uint64(), c.HLLSparseMax
	c.Sess.Task = func(w *resp.Writer) {
		if err := hll.SelfTest(seed, sparseMax, hll.SelfTestCycles, hll.SelfTestElements); err != nil {
			w.Err("-ERR " + err.Error())
			return
		}
		w.OK()
	}
}
