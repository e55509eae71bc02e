package forgehook

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
)

func (d *decoder) text(raw any, v reflect.Value, _ bool) {
	if s, ok := raw.(string); ok {
		v.SetString(s)
	} else {
		d.fault(raw, "a text in quotes")
	}
}

func (d *decoder) boolean(raw any, v reflect.Value, _ bool) {
	if b, ok := raw.(bool); ok {
		v.SetBool(b)
	} else {
		d.fault(raw, "true or false")
	}
}

func (d *decoder) integer(raw any, v reflect.Value, _ bool) {
	n, err := integer(raw)
	if err != nil || v.OverflowInt(n) {
		allowed := "a whole number"
		if v.Kind() == reflect.Int32 {
			allowed = fmt.Sprintf("a whole number from %d to %d", math.MinInt32, math.MaxInt32)
		}
		d.fault(raw, allowed)
		return
	}
	v.SetInt(n)
}

// integer reads 7, 7.0 and 7e0, which senders in floating-point languages write.
func integer(raw any) (int64, error) {
	number, ok := raw.(json.Number)
	if !ok {
		return 0, errors.New("no number")
	}
	if n, err := number.Int64(); err == nil {
		return n, nil
	}
	f, err := number.Float64()
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0, errors.New("no whole number")
	}
	return int64(f), nil
}

func (d *decoder) float(raw any, v reflect.Value, _ bool) {
	number, ok := raw.(json.Number)
	if !ok {
		d.fault(raw, "a number")
		return
	}
	f, err := number.Float64()
	if err != nil {
		d.fault(raw, "a number that fits a double")
		return
	}
	v.SetFloat(f)
}

func (d *decoder) decimal(raw any, v reflect.Value, _ bool) {
	number, ok := raw.(json.Number)
	if !ok {
		d.fault(raw, "a number")
		return
	}
	v.SetString(number.String())
}

func (d *decoder) enum(names *enumNames, raw any, v reflect.Value) {
	switch x := raw.(type) {
	case string:
		n, err := names.parse(x)
		if err != nil {
			d.fault(raw, err.Error())
			return
		}
		v.SetInt(int64(n))
	case json.Number:
		n, err := integer(x)
		if err != nil || v.OverflowInt(n) {
			d.fault(raw, names.allowed(""))
			return
		}
		v.SetInt(n)
	default:
		d.fault(raw, names.allowed(""))
	}
}

func (d *decoder) moment(raw any, v reflect.Value, _ bool) {
	s, ok := raw.(string)
	if !ok {
		s = "" // both parsers refuse it with the form that is allowed
	}
	var err error
	if v.Type() == timeType {
		var t Time
		t, err = ParseTime(s)
		v.Set(reflect.ValueOf(t))
	} else {
		span, parseErr := ParseDuration(s)
		err = parseErr
		v.SetInt(int64(span))
	}
	if err != nil {
		d.fault(raw, err.Error())
	}
}

// short renders an offending value for a message.
func short(raw any) string {
	var s string
	switch x := raw.(type) {
	case nil:
		return ""
	case string:
		s = x
	case json.Number:
		s = x.String()
	default:
		b, _ := json.Marshal(x)
		s = string(b)
	}
	return Shorten(s, 100)
}
