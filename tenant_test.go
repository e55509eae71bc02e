package forgehook

import "testing"

// The table of permissions by role. An unknown role has none.
func TestRole_May(t *testing.T) {
	t.Parallel()
	permissions := []Permission{MayRead, MayCall, MayOperate, MayConfigure, MayAdminister, "fly", ""}
	want := map[Role]string{ //     read call operate configure administer
		Owner:         "YYYYY--",
		Administrator: "YYYYY--",
		Developer:     "YYYY---",
		Operator:      "YYY----",
		Caller:        "YY-----",
		Viewer:        "Y------",
		"owner":       "-------",
		"":            "-------",
	}
	for role, row := range want {
		got := ""
		for _, p := range permissions {
			if role.May(p) {
				got += "Y"
			} else {
				got += "-"
			}
		}
		if got != row {
			t.Errorf("%q: got %s, want %s", role, got, row)
		}
	}
	for _, role := range Roles {
		if _, ok := want[role]; !ok {
			t.Errorf("%s is not in the table", role)
		}
	}
}

func TestAPIKey_May(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		roles []Role
		p     Permission
		want  bool
	}{
		{nil, MayRead, false}, {[]Role{Viewer}, MayRead, true}, {[]Role{Viewer}, MayCall, false},
		{[]Role{Viewer, Operator}, MayOperate, true}, {[]Role{Caller, Operator}, MayConfigure, false},
	} {
		if got := (&APIKey{Roles: tt.roles}).May(tt.p); got != tt.want {
			t.Errorf("%v %s: got %v", tt.roles, tt.p, got)
		}
	}
}
