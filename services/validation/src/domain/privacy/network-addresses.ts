/** Private, loopback, link-local, documentation and multicast ranges belong to nobody (RFC 6890). */
export function isPersonalIpv4(text: string): boolean {
  const parts = text.split('.').map(Number);
  const [a = 0, b = 0, c = 0] = parts;
  if (parts.length !== 4 || parts.some((part) => part > 255)) return false;
  if (a === 0 || a === 10 || a === 127 || a >= 224) return false;
  if ((a === 172 && b >= 16 && b <= 31) || (a === 192 && b === 168) || (a === 169 && b === 254)) return false;
  return !(
    (a === 192 && b === 0 && c === 2) ||
    (a === 198 && b === 51 && c === 100) ||
    (a === 203 && b === 0 && c === 113)
  );
}

/** Global unicast only: starts with a group of 1…7 in its first digit, as all addresses in use do, or is written whole. */
export function isPersonalIpv6(text: string): boolean {
  const halves = text.split('::');
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')));
  if (groups.some((group) => !/^[0-9a-f]{1,4}$/i.test(group))) return false;
  if (halves.length === 1 ? groups.length !== 8 : groups.length < 3 || groups.length > 7) return false;
  return !/^(?:fe[89ab]|f[cdf]|2001:0?db8)/i.test(text);
}
