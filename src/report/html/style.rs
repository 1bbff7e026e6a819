//! How the page looks: on a phone, on a desk, in the dark, on paper.

pub(super) const PAGE_STYLE: &str = "\
:root{color-scheme:light dark;--paper:#fff;--ink:#1f2328;--dim:#59636e;--line:#d1d9e0;--card:#f6f8fa;--link:#0a5cb8;\
--error:#c31c28;--warning:#8a5a00;--info:#0a5cb8;--good:#1a7f37}\
@media screen and (prefers-color-scheme:dark){:root{--paper:#0d1117;--ink:#e6edf3;--dim:#9198a1;--line:#3d444d;--card:#151b23;\
--link:#6cb6ff;--error:#ff7b72;--warning:#e3b341;--info:#6cb6ff;--good:#57c46b}}\
*{box-sizing:border-box}\
body{margin:0 auto;max-width:62rem;padding:1rem;font:1rem/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);overflow-wrap:anywhere}\
h1{font-size:1.5rem;margin:0}h2{font-size:1.25rem;margin:2rem 0 .5rem;border-bottom:1px solid var(--line)}\
h3{font-size:1.05rem;margin:0}h4{font-size:1rem;margin:1rem 0 .25rem}\
time{white-space:nowrap}p{margin:.5rem 0}ul,ol{margin:.25rem 0;padding-left:1.25rem}\
a{color:var(--link)}code{font:.9em ui-monospace,SFMono-Regular,Menlo,Consolas,\"DejaVu Sans Mono\",monospace}\
.dim{color:var(--dim)}.message{font-weight:600}\
.result{font-weight:600;color:var(--good)}.result.bad{color:var(--error)}.result.none{color:inherit}\
article{border:1px solid var(--line);border-radius:.5rem;padding:1rem;margin:1rem 0}\
.badge{display:inline-block;padding:0 .5em;border:1px solid;border-radius:1em;font-size:.85em}\
.badge.error{color:var(--error)}.badge.warning{color:var(--warning)}.badge.info{color:var(--info)}\
figure{margin:1rem 0;border:1px solid var(--line);border-radius:.25rem;padding:.25rem}\
figcaption{font-size:.85rem;padding:.25rem}\
table{border-collapse:collapse;width:100%;font-size:.9rem}\
th,td{text-align:left;vertical-align:top;padding:.25rem .5rem .25rem 0;border-bottom:1px solid var(--line)}\
th{color:var(--dim);font-weight:600;white-space:nowrap}\
.wide{overflow-x:auto}td{overflow-wrap:break-word}td[data-name=reply],td[data-name=interface],td[data-name=role]{overflow-wrap:anywhere}.failed td:last-child{color:var(--error)}\
.evidence{list-style:none;padding:0;font-size:.9rem}\
.evidence li{display:grid;grid-template-columns:3.5rem 10.5rem minmax(8rem,14rem) 1fr;gap:0 .5rem;border-bottom:1px solid var(--line);padding:.15rem 0}\
.evidence li.dim{display:block}.evidence .absent .what{color:var(--warning)}\
@media screen and (max-width:44rem){\
.evidence li{grid-template-columns:auto 1fr}.evidence .route,.evidence .what{grid-column:1/-1}.evidence b:empty,.evidence .route:empty{display:none}\
td{overflow-wrap:anywhere}table,tbody,tr,td{display:block}thead{display:none}\
tr{border-bottom:1px solid var(--line);padding:.5rem 0}td{border:0;padding:0 0 0 6.5rem;min-height:1.5em}\
td::before{content:attr(data-name);float:left;width:6rem;margin-left:-6.5rem;color:var(--dim)}\
article{padding:.75rem}}\
@media print{html{font-size:9pt}body{max-width:none;padding:0}article{border:0;padding:0;break-inside:auto}\
h2,h3,h4{break-after:avoid}figure,tr,li{break-inside:avoid}a{color:inherit;text-decoration:none}}\
";
