//go:build linux

package main

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"
)

// The report: a markdown fragment with one table, how far the machine was
// disturbed, and the commands.

// verdicts of a row.
const (
	verdictPass   = "pass"
	verdictFail   = "**fail**"
	verdictNone   = "-"           // the row has no must
	verdictNoData = "**no data**" // the figure is missing, e.g. an INFO field
	verdictNotRun = "**not run**" // out of time, or the scenario broke
	verdictQuick  = "not judged"
)

// judge returns the verdict of row i.
func (o *outcome) judge(opt *options, i int) string {
	r := &o.scen.rows[i]
	ours := median(o.values[sideOurs][r.figure])
	peer := median(o.values[sidePeer][r.figure])
	switch {
	case math.IsNaN(ours) && (o.skipped != "" || o.err != nil):
		return verdictNotRun
	case len(r.musts) == 0:
		return verdictNone
	case math.IsNaN(ours), math.IsNaN(peer) && r.comparesPeer():
		return verdictNoData
	case opt.quick:
		return verdictQuick
	}
	medians := map[string]float64{}
	for f, v := range o.values[sideOurs] {
		medians[f] = median(v)
	}
	for _, m := range r.musts {
		if !m.holds(ours, peer, medians) {
			return verdictFail
		}
	}
	return verdictPass
}

// verdictCounts returns how many scenarios could not run and how many rows failed.
func verdictCounts(opt *options, all []*outcome) (broken, failed int) {
	for _, o := range all {
		if o.err != nil {
			broken++
		}
		for _, i := range o.selected {
			if v := o.judge(opt, i); v == verdictFail || v == verdictNoData || v == verdictNotRun {
				failed++
			}
		}
	}
	return broken, failed
}

func renderReport(opt *options, facts []string, all []*outcome) string {
	var b strings.Builder
	for _, f := range facts {
		fmt.Fprintf(&b, "- %s\n", f)
	}
	fmt.Fprintf(&b, "- %d rounds of ours and peer in turn; medians [min-max], ratios of medians; foreign CPU is what other processes used, in %% of one core, at most in any counted run\n", opt.rounds)
	if opt.quick {
		b.WriteString("- quick run: a tenth of the keys and short; checks the harness, says nothing about the servers\n")
	}
	b.WriteString("\n| row | what | unit | ours | peer | ratio | must | verdict | foreign |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, o := range all {
		for _, i := range o.selected {
			o.renderRow(&b, opt, i)
		}
	}
	for _, o := range all {
		o.renderNotes(&b)
	}
	b.WriteString("\nCommands (PORT and DIR are fresh for each run):\n")
	for _, o := range all {
		o.renderCommands(&b)
	}
	return b.String()
}

func (o *outcome) renderRow(b *strings.Builder, opt *options, i int) {
	r := &o.scen.rows[i]
	ours, peer := o.values[sideOurs][r.figure], o.values[sidePeer][r.figure]
	fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", o.scen.rowName(i), r.title, r.unit,
		spreadText(ours), spreadText(peer), ratioText(median(ours), median(peer)), mustText(r.musts),
		o.judge(opt, i), foreignText(o.foreign))
}

func (o *outcome) renderNotes(b *strings.Builder) {
	if o.err != nil {
		fmt.Fprintf(b, "\n%s could not finish: `%s`\n", o.scen.name, strings.Join(strings.Fields(o.err.Error()), " "))
	}
	if o.skipped != "" {
		fmt.Fprintf(b, "\n%s: %s\n", o.scen.name, o.skipped)
	}
	if o.repeats > 0 {
		fmt.Fprintf(b, "\n%s: %d disturbed runs were repeated\n", o.scen.name, o.repeats)
	}
}

func (o *outcome) renderCommands(b *strings.Builder) {
	fmt.Fprintf(b, "\n%s: %s\n```\n", o.scen.name, o.scen.doc)
	ours, peer := o.commands[sideOurs].lines, o.commands[sidePeer].lines
	for _, l := range ours {
		fmt.Fprintln(b, l)
	}
	for _, l := range peer {
		if !slices.Contains(ours, l) {
			fmt.Fprintln(b, l)
		}
	}
	b.WriteString("```\n")
}

// figureText prints four significant digits, whole numbers above a thousand.
func figureText(v float64) string {
	switch {
	case math.IsNaN(v):
		return "n/a"
	case math.IsInf(v, 0):
		return "never"
	case math.Abs(v) >= 1000:
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.4g", v)
}

func spreadText(v []float64) string {
	switch len(v) {
	case 0:
		return "n/a"
	case 1:
		return figureText(v[0])
	}
	return fmt.Sprintf("%s [%s-%s]", figureText(median(v)), figureText(slices.Min(v)), figureText(slices.Max(v)))
}

func ratioText(ours, peer float64) string {
	ratio := ours / peer
	if math.IsNaN(ratio) || math.IsInf(ratio, 0) || math.IsInf(peer, 0) {
		return "-"
	}
	return fmt.Sprintf("%.2f", ratio)
}

func foreignText(v []float64) string {
	if len(v) == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f %%", slices.Max(v))
}

// progressText lists figures on one line for the terminal.
func progressText(figures map[string]float64) string {
	names := make([]string, 0, len(figures))
	for f := range figures {
		names = append(names, f)
	}
	sort.Strings(names)
	var b strings.Builder
	for _, f := range names {
		fmt.Fprintf(&b, "  %s=%s", f, figureText(figures[f]))
	}
	return b.String()
}
