package servercmd

import (
	"strings"

	"kvorum/command"
	"kvorum/resp"
)

// The findings of MEMORY DOCTOR. The thresholds are Redis's.
//
// COMPAT: doctor-texts: the conditions are Redis's, the advice is about kvorum.
const (
	doctorEmptyMax   = 5 << 20  // less in use says nothing
	doctorWaste      = 10 << 20 // bytes that a ratio must stand for
	doctorClientMax  = 200 << 10
	doctorPeak       = 1.5
	doctorTotal      = 1.4
	doctorSpans      = 1.1
	doctorFree       = 1.1
	doctorBesides    = 1.1
	doctorHealthy    = "Hi Sam, I can't find any memory issue in your instance. I can only account for what occurs on this base.\n"
	doctorTooEmpty   = "Hi Sam, this server holds next to no data: there is nothing to examine yet. Come back when it does.\n"
	doctorTitle      = "Sam, I found this about the memory of the server:\n\n"
	doctorGoodbye    = "I'm here to keep you safe, Sam. I want to help you.\n"
	adviceBigPeak    = " * Peak memory: at some time more than 150% of what is in use now was in use. Free pages go back to the system by themselves; MEMORY PURGE returns them at once.\n\n"
	adviceTotal      = " * High total RSS: the process takes more than 1.4 times what is in use. See the other findings for where it lies; after a peak it becomes less within seconds.\n\n"
	adviceSpans      = " * Holes between blocks: the pages of the data are more than 1.1 times as large as the data, as after many deletions or when the sizes of values change. Compaction works on it in the background.\n\n"
	adviceFree       = " * Free pages: more than a tenth of the allocator's memory is free but still resident. It goes back to the system by itself; MEMORY PURGE returns it at once.\n\n"
	adviceBesides    = " * Memory besides the data: the process takes more than 1.1 times what the allocator holds. Buffers of clients and garbage of the Go runtime are the usual reasons; CLIENT LIST shows the former.\n\n"
	adviceBigClients = " * Big client buffers: clients hold more than 200 kB of buffers each, on average. Look in CLIENT LIST for those that read their replies slowly or send very large requests.\n\n"
)

func memoryDoctor(c *command.Ctx) {
	host := c.Host
	c.Sess.Task = func(w *resp.Writer) { w.Verbatim("txt", examine(host.Memory())) }
}

// examine returns the text of MEMORY DOCTOR.
func examine(m command.Memory) string {
	if m.Used < doctorEmptyMax {
		return doctorTooEmpty
	}
	var b strings.Builder
	for _, f := range []struct {
		found bool
		text  string
	}{
		{ratio(m.Peak, m.Used) > doctorPeak, adviceBigPeak},
		{ratio(m.Process, m.Used) > doctorTotal && m.Process-m.Used > doctorWaste, adviceTotal},
		{ratio(m.Active, m.Allocated) > doctorSpans && m.Active-m.Allocated > doctorWaste, adviceSpans},
		{ratio(m.Resident, m.Active) > doctorFree && m.Resident-m.Active > doctorWaste, adviceFree},
		{ratio(m.Process, m.Resident) > doctorBesides && m.Process-m.Resident > doctorWaste, adviceBesides},
		{m.ClientCount > 0 && m.Clients/max(m.ClientCount, 1) > doctorClientMax, adviceBigClients},
	} {
		if f.found {
			b.WriteString(f.text)
		}
	}
	if b.Len() == 0 {
		return doctorHealthy
	}
	return doctorTitle + b.String() + doctorGoodbye
}
