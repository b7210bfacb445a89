/** Texts that would run, load or navigate on a page that takes them for more than text. */

/** @param trap address of a server that must never be asked */
export const injectionsFor = (trap: string): readonly string[] => [
  `<script>window.ran=1</script><script src="${trap}/a.js"></script>`,
  `<img src="${trap}/b.png" onerror="window.ran=2"><img src=x onerror=window.ran=3>`,
  `<svg onload="window.ran=4"><image href="${trap}/c.svg"/><use href="${trap}/d.svg#x"/></svg>`,
  `<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=window.ran=5&gt;">`,
  `<iframe src="${trap}/e"></iframe><iframe srcdoc="<script>parent.ran=6</script>"></iframe>`,
  `<object data="${trap}/f"></object><embed src="${trap}/g"><video poster="${trap}/h"><audio src="${trap}/i" autoplay>`,
  `<link rel=stylesheet href="${trap}/j.css"><style>@import "${trap}/k.css";*{background:url(${trap}/l)}</style>`,
  `<p style="background:url(${trap}/m);position:fixed;inset:0" onclick="window.ran=7" autofocus onfocus="window.ran=8">`,
  `<base href="${trap}/"><meta http-equiv="refresh" content="0;url=${trap}/n">`,
  `<form action="${trap}/o"><input type=image src="${trap}/p"><button>x</button></form>`,
  `<details open ontoggle="window.ran=9"><a href="javascript:window.ran=10" ping="${trap}/q">x</a></details>`,
  `<template shadowrootmode="open"><img src="${trap}/r"></template><noscript><img src="${trap}/s"></noscript>`,
  `![picture](${trap}/t.png) ![by reference][ref]\n\n[ref]: ${trap}/u.png "title"`,
  `[x](javascript:window.ran=11) [y](JAVASCRIPT&colon;window.ran=12) [z](data:text/html,<script>ran=13</script>)`,
  `[v](vbscript:x) [f](file:///etc/passwd) [r](/relative) [h](#/usage) [p](//evil.example/) <javascript:window.ran=14>`,
  `[a link](${trap}/v "title\\" onmouseover=\\"window.ran=15") <${trap}/w>`,
  `\`\`\`"><img src=x onerror=window.ran=16>\n</code></pre><script>window.ran=17</script>\n\`\`\``,
  `| <img src=${trap}/x> | b |\n|---|---|\n| ![c](${trap}/y) | <b onmouseover=window.ran=18>d</b> |`,
  `&lt;img src=x onerror=window.ran=19&gt; &#x3c;script&#x3e;window.ran=20&#x3c;/script&#x3e;`,
  `<a id="page" name="location" href="x">clobber</a><form id="getElementById"><input name="parentNode"></form>`,
  `pay \u202etxt.exe\u202c and \u2066hidden\u2069 \u{e0041}\u{e0042} \x1b[2J \x00 \ud800`,
  `${"> ".repeat(400)}deep ${"- ".repeat(400)}x ${"[".repeat(5_000)} ${"*a ".repeat(2_000)}`,
  `{{constructor.constructor('window.ran=21')()}} \${window.ran=22} <%= 1 %> __proto__`,
  `</title></script></textarea></style><script>window.ran=23</script>`,
];

/** JSON nested as deep as an event may be. */
export const nested = (depth: number): unknown => {
  let value: unknown = "<img src=x onerror=window.ran=24>";
  for (let level = 0; level < depth; level += 1) value = level % 2 === 0 ? [value] : { "<b>key</b>": value };
  return value;
};
