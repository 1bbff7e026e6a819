//! How the page looks: on a phone, on a desk, in the dark, on paper. No text is smaller than 12 pixels.

pub(super) const PAGE_STYLE: &str = "\
:root{color-scheme:light dark;--paper:#fff;--ink:#1f2328;--dim:#59636e;--line:#d1d9e0;--card:#f6f8fa;--link:#0a5cb8;\
--error:#c31c28;--warning:#8a5a00;--info:#0a5cb8;--good:#1a7f37;--failed:#fdecec}\
@media screen and (prefers-color-scheme:dark){:root{--paper:#0d1117;--ink:#e6edf3;--dim:#9198a1;--line:#3d444d;--card:#151b23;\
--link:#6cb6ff;--error:#ff7b72;--warning:#e3b341;--info:#6cb6ff;--good:#57c46b;--failed:#35191b}}\
*{box-sizing:border-box}html{scroll-padding-top:6rem}\
body{margin:0 auto;max-width:62rem;padding:1rem;font:1rem/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);overflow-wrap:anywhere}\
h1{font-size:1.4rem;line-height:1.3;margin:0}h1.bad,b.bad{color:var(--error)}h1.good,b.good{color:var(--good)}\
h2{font-size:1.25rem;margin:2rem 0 .5rem;border-bottom:1px solid var(--line)}\
h3{font-size:1.05rem;margin:0}h4{font-size:1rem;margin:1rem 0 .25rem}\
time{white-space:nowrap}p{margin:.5rem 0}ul,ol{margin:.25rem 0;padding-left:1.25rem}\
a{color:var(--link)}code{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,\"DejaVu Sans Mono\",monospace;font-size:.85rem}\
.dim{color:var(--dim)}.message{font-weight:600}.message::first-letter{text-transform:uppercase}.more{color:var(--warning)}\
.result{font-weight:600}.result.bad{color:var(--error)}\
.bar{position:sticky;top:0;z-index:1;margin:.75rem -1rem;padding:.35rem 1rem;background:var(--card);border:solid var(--line);border-width:1px 0;font-size:.9rem}\
.bar p{margin:0}.bar a{margin-right:.75rem}\
article{border:1px solid var(--line);border-left:4px solid var(--line);border-radius:.5rem;padding:1rem;margin:1rem 0}\
article.error{border-left-color:var(--error)}article.warning{border-left-color:var(--warning)}\
.badge{display:inline-block;padding:0 .5em;border:1px solid;border-radius:1em;font-size:.8rem;font-weight:400}\
.badge.error{color:var(--error)}.badge.warning{color:var(--warning)}.badge.info{color:var(--info)}\
summary{cursor:pointer}details.group{border-top:1px solid var(--line);padding:.35rem 0}h2+.group{border-top:0}details.group>summary{font-weight:600}\
details.one,.line{margin:.25rem 0 .25rem 1rem;font-size:.9rem}details.one[open]{border-left:2px solid var(--line);padding-left:.75rem}\
figure{margin:1rem 0;border:1px solid var(--line);border-radius:.25rem;padding:.25rem}\
figcaption{font-size:.85rem;padding:.25rem}\
.strip{border:0;padding:0;max-width:44rem}.strip svg{display:block}.strip figcaption{display:flex;flex-wrap:wrap;justify-content:space-between;gap:0 1rem;padding:.15rem 0}\
.strip .axis{stroke:var(--line);stroke-width:1}.strip path.bad{fill:var(--error)}.strip path.good{fill:var(--good)}.strip path.other{fill:var(--dim)}.strip b.other{color:var(--dim)}\
table{border-collapse:collapse;width:100%;font-size:.9rem}\
th,td{text-align:left;vertical-align:top;padding:.25rem .5rem .25rem 0;border-bottom:1px solid var(--line)}\
th{color:var(--dim);font-weight:600;white-space:nowrap}\
.wide{overflow-x:auto}td{overflow-wrap:break-word}.flow td:nth-child(7),td[data-name=interface],td[data-name=role]{overflow-wrap:anywhere}\
.flow td:first-child,.flow th:first-child{padding-left:.5rem}.flow .same td:nth-child(2),.flow .same td:nth-child(3){color:var(--dim)}\
.flow .failed{background:var(--failed)}.flow .failed td:first-child{box-shadow:inset 3px 0 var(--error)}.flow .failed td:last-child,.flow .failed a{color:var(--error)}\
.choice{position:absolute;opacity:0}.filter{display:inline-block;margin:.15rem .35rem .35rem 0;padding:.1rem .7rem;border:1px solid var(--line);border-radius:1em;font-size:.9rem;cursor:pointer}\
.choice:checked+.filter{background:var(--card);border-color:var(--link);color:var(--link);font-weight:600}.choice:focus-visible+.filter{outline:2px solid var(--link);outline-offset:2px}.filter.first{margin-left:.75rem}\
.flow tr.middle,#unfold:checked~.wide tr.fold,#only-failed:checked~.wide tr.fold{display:none}#unfold:checked~.wide tr.middle{display:table-row}\
#only-failed:checked~.wide tbody tr:not(.failed),#only-active:checked~.wide tbody tr:not(.active),#only-passive:checked~.wide tbody tr:not(.passive){display:none}\
.evidence{list-style:none;padding:0;font-size:.9rem}\
.evidence li{display:grid;grid-template-columns:3.5rem 8rem minmax(8rem,14rem) 1fr;gap:0 .5rem;border-bottom:1px solid var(--line);padding:.15rem 0}\
.evidence li.dim{display:block}.evidence .absent .what{color:var(--warning)}\
@media screen and (max-width:44rem){\
body{padding:.75rem}.bar{margin:.5rem -.75rem;padding:.25rem .75rem}\
.evidence li{grid-template-columns:auto 1fr}.evidence .route,.evidence .what{grid-column:1/-1}.evidence b:empty,.evidence .route:empty{display:none}\
td{overflow-wrap:anywhere}table,tbody,tr,td{display:block}thead{display:none}\
tr{border-bottom:1px solid var(--line);padding:.35rem 0}td{border:0;padding:0 0 0 6.5rem;min-height:1.5em}\
td::before{content:attr(data-name);float:left;width:6rem;margin-left:-6.5rem;color:var(--dim)}\
.flow td{display:inline;padding:0 .4rem 0 0;min-height:0}.flow td::before{content:none}.flow td:first-child,.flow td:last-child{font-weight:600}\
.flow tr{padding:.3rem .5rem}.flow td:first-child{padding-left:0}.strip .key{order:1;width:100%}.flow .failed{box-shadow:inset 3px 0 var(--error)}.flow .failed td:first-child{box-shadow:none}\
.flow td:nth-child(2)::after{content:' \\2192'}.flow .same td:nth-child(2),.flow .same td:nth-child(3){display:none}\
#unfold:checked~.wide tr.middle{display:block}\
article{padding:.75rem}details.one,.line{margin-left:.25rem}}\
@media print{html{font-size:11pt}body{max-width:none;padding:0}.bar{position:static}article{padding:.25rem .5rem;break-inside:auto}\
.filter,input{display:none}.flow .failed{background:none}\
h1,h2,h3,h4{break-after:avoid}figure,tr,li{break-inside:avoid}a{color:inherit;text-decoration:none}}\
";
