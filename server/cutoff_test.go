package server_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"kvorum/server/servertest"
)

// What could break: memory that is lost, or freed twice, when a large range of a value is
// left to be freed in slices; and the value, if it is changed before they are.
func TestLargeRangesAreFreedInSlices(t *testing.T) {
	c := servertest.Start(t, "enable-debug-command yes").Dial()
	const n = 20000
	list, zset := []string{"RPUSH", "l"}, []string{"ZADD", "z"}
	for i := range n {
		list = append(list, fmt.Sprintf("element number %d", i))
		zset = append(zset, strconv.Itoa(i), fmt.Sprintf("member %d", i))
	}
	for _, change := range []struct {
		fill []string
		cut  []string
		left []string
		want string
	}{
		{list, []string{"LTRIM", "l", "0", "9"}, []string{"LLEN", "l"}, ":10"},
		{list, []string{"LTRIM", "l", "-7", "-1"}, []string{"LINDEX", "l", "0"}, strconv.Quote(list[2+n-7])},
		{list, []string{"LTRIM", "l", "9990", "9999"}, []string{"LINDEX", "l", "3"}, strconv.Quote(list[2+9993])},
		{list, []string{"LPOP", "l", "15000"}, []string{"LINDEX", "l", "0"}, strconv.Quote(list[2+15000])},
		{list, []string{"RPOP", "l", "20000"}, []string{"EXISTS", "l"}, ":0"},
		{zset, []string{"ZREMRANGEBYRANK", "z", "0", "-11"}, []string{"ZRANK", "z", "member 19995"}, ":5"},
		{zset, []string{"ZREMRANGEBYSCORE", "z", "10", "19989"}, []string{"ZRANK", "z", "member 19990"}, ":10"},
		{zset, []string{"ZREMRANGEBYRANK", "z", "0", "-1"}, []string{"EXISTS", "z"}, ":0"},
	} {
		c.Do(change.fill...)
		c.Do(change.cut...)
		c.Want("+OK", "DEBUG", "MEMCHECK")
		c.Want(change.want, change.left...)
		c.Do(change.fill...)
		c.Want("+OK", "DEBUG", "MEMCHECK")
		c.Do("DEL", "l", "z")
	}
	for end := time.Now().Add(10 * time.Second); c.Info("lazyfree_pending_objects") != "0" && time.Now().Before(end); {
		c.Do("PING")
	}
	c.Want("+OK", "DEBUG", "MEMCHECK")
}
