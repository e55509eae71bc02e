package postgres_test
import ("testing";"time";"fmt";"github.com/forgehook/forgehook/internal/postgres/pgtest")
func TestZZ(t *testing.T) {
	db := pgtest.New(t)
	s := pgtest.NewScene(t, db.DB)
	sum := map[string]time.Duration{}
	for i := 0; i < 300; i++ {
	delivered(t, db.DB, s, func(step string, do func()) { a:=time.Now(); do(); if i>=50 { sum[step]+=time.Since(a)} })
	}
	for k,v := range sum { fmt.Println(k, v/250) }
}
