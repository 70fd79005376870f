package zsetcmd

import (
	"cmp"
	"math"
	"slices"

	"kvorum/command"
	"kvorum/mem"
	"kvorum/num"
	"kvorum/object"
	"kvorum/object/set"
	"kvorum/object/zset"
)

// Parts of the rows.
var (
	countedSources = []command.KeySpec{{Flags: command.RO | command.Access, Index: 1, KeyNum: true, NumIndex: 0, FirstKey: 1, NumStep: 1}}
	storedFrom     = []command.KeySpec{
		{Flags: command.OW | command.Update, Index: 1, Step: 1},
		{Flags: command.RO | command.Access, Index: 2, KeyNum: true, NumIndex: 0, FirstKey: 1, NumStep: 1},
	}
	argNumKeys       = command.Arg{Name: "numkeys", Type: "integer"}
	argSources       = command.Arg{Name: "key", Type: "key", Key: 1, Multiple: true}
	argDestination   = command.Arg{Name: "destination", Type: "key", Key: 1}
	argStoredSources = command.Arg{Name: "key", Type: "key", Key: 2, Multiple: true}
	argWithScores    = command.Arg{Name: "withscores", Type: "pure-token", Token: "WITHSCORES", Optional: true}
	argWeights       = command.Arg{Name: "weight", Type: "integer", Token: "WEIGHTS", Optional: true, Multiple: true}
	argAggregate     = command.Arg{Name: "aggregate", Type: "oneof", Token: "AGGREGATE", Optional: true, Args: []command.Arg{
		{Name: "sum", Type: "pure-token", Token: "SUM"},
		{Name: "min", Type: "pure-token", Token: "MIN"},
		{Name: "max", Type: "pure-token", Token: "MAX"},
	}}
)

var zunionSpec = &command.Spec{
	Name: "zunion", Since: "6.2.0", Group: "sorted-set", Complexity: "O(N)+O(M*log(M)) with N being the sum of the sizes of the input sorted sets, and M being the number of elements in the resulting sorted set.",
	Summary: "Reads the union of sets and sorted sets.",
	Arity:   -3, Flags: command.ReadOnly, Categories: command.CatSortedSet,
	Keys: countedSources,
	Args: []command.Arg{
		argNumKeys, argSources,
		argWeights, argAggregate,
		argWithScores,
	},
	Handler: zunion,
}

var zunionstoreSpec = &command.Spec{
	Name: "zunionstore", Since: "2.0.0", Group: "sorted-set", Complexity: "O(N)+O(M log(M)) with N being the sum of the sizes of the input sorted sets, and M being the number of elements in the resulting sorted set.",
	Summary: "Stores the union of sets and sorted sets under a key.",
	Arity:   -4, Flags: command.Write | command.DenyOOM, Categories: command.CatSortedSet,
	Keys: storedFrom,
	Args: []command.Arg{
		argDestination, argNumKeys, argStoredSources,
		argWeights, argAggregate,
	},
	Handler: zunionstore,
}

var zinterSpec = &command.Spec{
	Name: "zinter", Since: "6.2.0", Group: "sorted-set", Complexity: "O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K being the number of input sorted sets and M being the number of elements in the resulting sorted set.",
	Summary: "Reads the members that sets and sorted sets have in common.",
	Arity:   -3, Flags: command.ReadOnly, Categories: command.CatSortedSet,
	Keys: countedSources,
	Args: []command.Arg{
		argNumKeys, argSources,
		argWeights, argAggregate,
		argWithScores,
	},
	Handler: zinter,
}

var zinterstoreSpec = &command.Spec{
	Name: "zinterstore", Since: "2.0.0", Group: "sorted-set", Complexity: "O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K being the number of input sorted sets and M being the number of elements in the resulting sorted set.",
	Summary: "Stores the members that sets and sorted sets have in common under a key.",
	Arity:   -4, Flags: command.Write | command.DenyOOM, Categories: command.CatSortedSet,
	Keys: storedFrom,
	Args: []command.Arg{
		argDestination, argNumKeys, argStoredSources,
		argWeights, argAggregate,
	},
	Handler: zinterstore,
}

var zintercardSpec = &command.Spec{
	Name: "zintercard", Since: "7.0.0", Group: "sorted-set", Complexity: "O(N*K) worst case with N being the smallest input sorted set, K being the number of input sorted sets.",
	Summary: "Counts the members that sets and sorted sets have in common.",
	Arity:   -3, Flags: command.ReadOnly, Categories: command.CatSortedSet,
	Keys: countedSources,
	Args: []command.Arg{
		argNumKeys, argSources,
		{Name: "limit", Type: "integer", Token: "LIMIT", Optional: true},
	},
	Handler: zintercard,
}

var zdiffSpec = &command.Spec{
	Name: "zdiff", Since: "6.2.0", Group: "sorted-set", Complexity: "O(L + (N-K)log(N)) worst case where L is the total number of elements in all the sets, N is the size of the first set, and K is the size of the result set.",
	Summary: "Reads the members of the first of several sets and sorted sets that no other has.",
	Arity:   -3, Flags: command.ReadOnly, Categories: command.CatSortedSet,
	Keys: countedSources,
	Args: []command.Arg{
		argNumKeys, argSources,
		argWithScores,
	},
	Handler: zdiff,
}

var zdiffstoreSpec = &command.Spec{
	Name: "zdiffstore", Since: "6.2.0", Group: "sorted-set", Complexity: "O(L + (N-K)log(N)) worst case where L is the total number of elements in all the sets, N is the size of the first set, and K is the size of the result set.",
	Summary: "Stores the members of the first of several sets and sorted sets that no other has under a key.",
	Arity:   -4, Flags: command.Write | command.DenyOOM, Categories: command.CatSortedSet,
	Keys: storedFrom,
	Args: []command.Arg{
		argDestination, argNumKeys, argStoredSources,
	},
	Handler: zdiffstore,
}

// operation is what is done to the inputs.
type operation uint8

const (
	opUnion operation = iota
	opInter
	opDiff
)

var storeEvent = [...]string{opUnion: "zunionstore", opInter: "zinterstore", opDiff: "zdiffstore"}

// aggregate is how scores of a member in several inputs become one.
type aggregate uint8

const (
	aggSum aggregate = iota
	aggMin
	aggMax
)

// join joins two scores. What is not a number counts as 0.
func (a aggregate) join(x, y float64) float64 {
	switch {
	case a == aggSum:
		return orZero(x + y)
	case a == aggMin && y < x, a == aggMax && y > x:
		return y
	}
	return x
}

func orZero(x float64) float64 {
	if math.IsNaN(x) {
		return 0
	}
	return x
}

// combination is one of these commands.
type combination struct {
	op         operation
	store      bool
	countOnly  bool
	inputs     []input
	aggregate  aggregate
	withScores bool
	limit      int64 // of the count, 0: none
}

// input is a set or a sorted set, or neither if its key is absent. Members of sets
// have score 1.
type input struct {
	rec    mem.Handle
	isSet  bool
	count  int
	weight float64
}

func zunion(c *command.Ctx) { combine(c, combination{op: opUnion}) }

func zunionstore(c *command.Ctx) { combine(c, combination{op: opUnion, store: true}) }

func zinter(c *command.Ctx) { combine(c, combination{op: opInter}) }

func zinterstore(c *command.Ctx) { combine(c, combination{op: opInter, store: true}) }

func zintercard(c *command.Ctx) { combine(c, combination{op: opInter, countOnly: true}) }

func zdiff(c *command.Ctx) { combine(c, combination{op: opDiff}) }

func zdiffstore(c *command.Ctx) { combine(c, combination{op: opDiff, store: true}) }

func combine(c *command.Ctx, o combination) {
	if !o.parse(c) {
		return
	}
	if c.Long(o.effort()) {
		return
	}
	if o.op != opDiff {
		// Sums of floating point numbers depend on the order.
		slices.SortStableFunc(o.inputs, func(a, b input) int { return cmp.Compare(a.count, b.count) })
	}
	if o.countOnly {
		n := int64(0)
		o.common(c, func([]byte, float64) bool {
			n++
			return n != o.limit
		})
		c.W.Int(n)
		return
	}
	dst := c.Keys[0] // the draft of a reply is in some arena
	d := zset.Begin(c.DB.ArenaOf(dst), dst.Bytes, c.Access, &c.ZSets[1])
	d.Set.Unpack()
	o.fill(c, d.Set)
	if o.store {
		if d.Len() > 0 {
			d.Set.Pack(c.Packing.ZSet, &c.Buf)
		}
		Store(c, dst, &d, storeEvent[o.op])
		return
	}
	pairs(c, d.Len(), o.withScores)
	var at zset.Cursor
	for d.Set.At(0, &at); at.Valid() && c.Step(); at.Next() {
		member(c, at.Member(), at.Score(), o.withScores)
	}
	c.KS.Discard(d.Rec)
}

// effort returns about how many elements or lookups the operation takes.
func (o *combination) effort() (n int) {
	least := o.inputs[0].count
	for i := range o.inputs {
		n += o.inputs[i].count
		least = min(least, o.inputs[i].count)
	}
	switch o.op {
	case opInter:
		return least * len(o.inputs)
	case opDiff:
		return o.inputs[0].count * len(o.inputs)
	}
	return n
}

// parse looks the inputs up and reads the options; ok is false after the error
// reply.
func (o *combination) parse(c *command.Ctx) (ok bool) {
	i, first := 1, 0
	if o.store {
		i, first = 2, 1
	}
	n, ok := c.Int(i)
	if !ok {
		return false
	}
	if n < 1 {
		c.Err("-ERR at least 1 input key is needed for '" + c.Spec.FullName() + "' command")
		return false
	}
	if n > int64(len(c.Args)-i-1) {
		c.Err(command.ErrSyntax)
		return false
	}
	o.inputs = make([]input, n)
	for j := range o.inputs {
		in := &o.inputs[j]
		in.weight = 1
		e := c.Read(first + j)
		if !e.OK() {
			continue
		}
		switch in.rec = e.Rec; e.Type() {
		case object.Set:
			var s set.Set
			s.Open(e.Rec)
			in.isSet, in.count = true, s.Len()
		case object.ZSet:
			in.count = open(c, e).Len()
		default:
			c.WrongType()
			return false
		}
	}
	return o.options(c, i+1+int(n))
}

// options reads the options from argument i on.
func (o *combination) options(c *command.Ctx, i int) (ok bool) {
	scored := o.op != opDiff && !o.countOnly
	for i < len(c.Args) {
		left := len(c.Args) - i
		switch {
		case scored && left > len(o.inputs) && c.Is(i, "weights"):
			if !o.weights(c, i+1) {
				return false
			}
			i += len(o.inputs) + 1
		case scored && left >= 2 && c.Is(i, "aggregate"):
			switch {
			case c.Is(i+1, "sum"):
				o.aggregate = aggSum
			case c.Is(i+1, "min"):
				o.aggregate = aggMin
			case c.Is(i+1, "max"):
				o.aggregate = aggMax
			default:
				c.Err(command.ErrSyntax)
				return false
			}
			i += 2
		case !o.store && !o.countOnly && c.Is(i, "withscores"):
			o.withScores = true
			i++
		case o.countOnly && left >= 2 && c.Is(i, "limit"):
			if o.limit, ok = c.IntFrom(i+1, 0, "-ERR LIMIT can't be negative"); !ok {
				return false
			}
			i += 2
		default:
			c.Err(command.ErrSyntax)
			return false
		}
	}
	return true
}

func (o *combination) weights(c *command.Ctx, i int) (ok bool) {
	for j := range o.inputs {
		if o.inputs[j].weight, ok = num.ParseFloat(c.Args[i+j]); !ok {
			c.Err("-ERR weight value is not a float")
			return false
		}
	}
	return true
}

// fill puts the result into an empty sorted set that is not packed.
func (o *combination) fill(c *command.Ctx, dst *zset.Set) {
	put := func(name []byte, score float64) bool {
		dst.Put(name, score, zset.Limits{}, &c.Buf)
		return true
	}
	switch o.op {
	case opInter:
		o.common(c, put)
	case opDiff:
		o.first(c, put)
	default:
		for i := range o.inputs {
			in := &o.inputs[i]
			in.each(c, func(name []byte, score float64) bool {
				score = orZero(in.weight * score)
				if old, ok := dst.Score(name); ok {
					score = o.aggregate.join(old, score)
				}
				return put(name, score)
			})
		}
	}
}

// common calls fn for the members that all inputs have until it returns false. The
// inputs are sorted by size.
func (o *combination) common(c *command.Ctx, fn func(name []byte, score float64) bool) {
	o.inputs[0].each(c, func(name []byte, raw float64) bool {
		score := orZero(raw * o.inputs[0].weight)
		for i := range o.inputs[1:] {
			in := &o.inputs[1+i]
			value, ok := in.find(name)
			if !ok {
				return true
			}
			score = o.aggregate.join(score, value*in.weight)
		}
		return fn(name, score)
	})
}

// first calls fn for the members of the first input that no other has.
func (o *combination) first(c *command.Ctx, fn func(name []byte, score float64) bool) {
	for i := range o.inputs[1:] {
		if o.inputs[1+i].rec == o.inputs[0].rec {
			return
		}
	}
	o.inputs[0].each(c, func(name []byte, score float64) bool {
		for i := range o.inputs[1:] {
			if _, ok := o.inputs[1+i].find(name); ok {
				return true
			}
		}
		return fn(name, score)
	})
}

// each calls fn for the members until it returns false.
func (in *input) each(c *command.Ctx, fn func(name []byte, score float64) bool) {
	if in.rec == 0 {
		return
	}
	if in.isSet {
		var s set.Set
		s.Open(in.rec)
		var it set.Iter
		for it.Start(&s); it.Next() && c.Step(); {
			if !fn(it.Member(), 1) {
				return
			}
		}
		return
	}
	var s zset.Set
	s.Open(in.rec)
	var at zset.Cursor
	for s.At(0, &at); at.Valid() && c.Step(); at.Next() {
		if !fn(at.Member(), at.Score()) {
			return
		}
	}
}

// find returns the score of a member.
func (in *input) find(name []byte) (score float64, ok bool) {
	if in.rec == 0 {
		return 0, false
	}
	if in.isSet {
		var s set.Set
		s.Open(in.rec)
		return 1, s.Has(name)
	}
	var s zset.Set
	s.Open(in.rec)
	return s.Score(name)
}
