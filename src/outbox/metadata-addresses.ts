/**
 * Where clouds answer every process of a machine with its credentials. Closed always: no setting opens them, since
 * whoever opens `169.254.0.0/16` or `0.0.0.0/0` means a neighbour, not these. Each in the spelling of ipaddr.js.
 */
export const metadataAddresses: ReadonlySet<string> = new Set([
  // Amazon EC2, Azure, Google Cloud, DigitalOcean, Hetzner, Oracle Cloud, OpenStack and others.
  "169.254.169.254",
  // Amazon EC2 over IPv6 (AWS, "Access instance metadata for an EC2 instance").
  "fd00:ec2::254",
  // Amazon ECS task credentials; EKS Pod Identity over IPv4 and IPv6 (AWS, "Understand how EKS Pod Identity works").
  "169.254.170.2",
  "169.254.170.23",
  "fd00:ec2::23",
  // Google Compute Engine over IPv6 (Google, "View and query VM metadata": metadata.google.internal).
  "fd20:ce::254",
  // OpenStack over IPv6 (Nova, "Metadata service").
  "fe80::a9fe:a9fe",
  // Azure's WireServer, a public address that answers virtual machines alone (Microsoft, "What is IP address
  // 168.63.129.16?").
  "168.63.129.16",
  // Alibaba Cloud ECS ("Instance metadata"), within the carrier-grade NAT range.
  "100.100.100.200",
  // Tencent Cloud (metadata.tencentyun.com).
  "169.254.0.23",
  // Scaleway over IPv4 and IPv6 ("Instance metadata").
  "169.254.42.42",
  "fd00:42::42",
  // Oracle Cloud Infrastructure Classic ("Retrieving instance metadata").
  "192.0.0.192",
]);
