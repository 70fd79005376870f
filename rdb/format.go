package rdb

// Versions of the format.
const (
	// COMPAT: rdb-version: 10 unless 11 is asked for, so that Redis 7.0 reads it, too.
	//
	// VersionMin and VersionMax bound what can be written, VersionDefault is what every
	// server from 7.0 on reads.
	VersionMin     = 9
	VersionDefault = 10
	VersionMax     = 11
	// VersionTimed is what a hash with TTLs on fields wants, whatever was chosen: no
	// earlier one has a form for it.
	VersionTimed = 12
	// VersionRead is the last version that is read: that of Redis 7.4.
	VersionRead = 12
)

const magic = "REDIS"

// Types of values.
const (
	typeString       = 0
	typeList         = 1
	typeSet          = 2
	typeZSet         = 3 // scores as text
	typeHash         = 4
	typeZSet2        = 5 // scores as 8 bytes
	typeModuleOld    = 6
	typeModule       = 7
	typeZipmap       = 9
	typeListZiplist  = 10
	typeIntset       = 11
	typeZSetZiplist  = 12
	typeHashZiplist  = 13
	typeQuicklist    = 14 // of ziplists
	typeStream1      = 15
	typeHashListpack = 16
	typeZSetListpack = 17
	typeQuicklist2   = 18 // of listpacks
	typeStream2      = 19
	typeSetListpack  = 20
	typeStream3      = 21

	// Hashes whose fields have due times, of Redis 7.4.
	typeHashDueOld     = 22
	typeHashPackDueOld = 23
	typeHashDue        = 24
	typeHashPackDue    = 25
)

// typeName returns the name that the tools have for a type.
func typeName(t byte) string {
	names := [...]string{
		typeString: "string", typeList: "list-linked", typeSet: "set-hashtable", typeZSet: "zset-v1",
		typeHash: "hash-hashtable", typeZSet2: "zset-v2", typeModuleOld: "module-pre-release", typeModule: "module-value",
		typeZipmap: "hash-zipmap", typeListZiplist: "list-ziplist", typeIntset: "set-intset",
		typeZSetZiplist: "zset-ziplist", typeHashZiplist: "hash-ziplist", typeQuicklist: "quicklist",
		typeStream1: "stream", typeHashListpack: "hash-listpack", typeZSetListpack: "zset-listpack",
		typeQuicklist2: "quicklist-v2", typeStream2: "stream-v2", typeSetListpack: "set-listpack", typeStream3: "stream-v3",
		typeHashDueOld: "hash-hashtable-md-pre-release", typeHashPackDueOld: "hash-listpack-md-pre-release",
		typeHashDue: "hash-hashtable-md", typeHashPackDue: "hash-listpack-md",
	}
	if int(t) < len(names) && names[t] != "" {
		return names[t]
	}
	return "unknown"
}

// Operations between keys.
const (
	opSlotInfo     = 244
	opFunction     = 245
	opFunctionOld  = 246
	opModuleAux    = 247
	opIdle         = 248
	opFreq         = 249
	opAux          = 250
	opResize       = 251
	opExpireMs     = 252
	opExpire       = 253
	opSelect       = 254
	opEOF          = 255
	firstOperation = opSlotInfo
)

// Parts of the value of a module.
const (
	modEOF    = 0
	modInt    = 1
	modUint   = 2
	modFloat  = 3
	modDouble = 4
	modString = 5
)

// First bytes of lengths, and forms of strings that are not given by their length.
const (
	len6   = 0 << 6
	len14  = 1 << 6
	len32  = 0x80
	len64  = 0x81
	lenEnc = 3 << 6

	encInt8  = 0
	encInt16 = 1
	encInt32 = 2
	encLZF   = 3
)

// Containers of nodes of a quicklist.
const (
	nodePlain  = 1
	nodePacked = 2
)

// Lengths of scores as text that stand for something else.
const (
	scoreNaN    = 253
	scorePosInf = 254
	scoreNegInf = 255
)
