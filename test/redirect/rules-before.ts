/**
 * The rules that the redirect of macOS had before it was held against XNU's source, kept to show what the scenarios
 * are for: ports 443 and 80, the proxy on 15001 with group 4242.
 */
export const RULES_BEFORE = `
no rdr on lo0 inet proto tcp from any to self port { 443,80 }
no rdr on lo0 inet6 proto tcp from any to self port { 443,80 }
rdr pass on lo0 inet proto tcp from ! 127.0.0.0/8 to any port { 443,80 } -> 127.0.0.1 port 15001
rdr pass on lo0 inet6 proto tcp from ! ::1 to any port { 443,80 } -> ::1 port 15001
pass out quick proto tcp from any to any port { 443,80 } group 4242 keep state
pass out quick on ! lo0 route-to (lo0 127.0.0.1) inet proto tcp from any to any port { 443,80 } keep state
pass out quick on ! lo0 route-to (lo0 ::1) inet6 proto tcp from any to any port { 443,80 } keep state
block return out quick on ! lo0 proto udp from any to any port 443 group != 4242
`;
export const HOLD_BEGAN_BEFORE = ["pfctl -E", "pfctl -a com.apple/oximy -f -"] as const;
export const NEW_ONES_ENDED_BEFORE = ["pfctl -a com.apple/oximy -F all", "pfctl -X 4711"] as const;
