// What the page says in English, and the same in Chinese. {} stands for a name, a number, or what is translated in its turn.

const CHINESE = [
  // What stands around.
  ["A training step", "一步训练"],
  ["A training step: {}", "一步训练：{}"],
  ["{}, step {}", "{}，第 {} 步"],
  ["algorithm {}", "算法 {}"], ["objective {}", "目标函数 {}"], ["batch {}", "批大小 {}"], ["dtype {}", "数据类型 {}"], ["device {}", "设备 {}"],
  ["data {}", "数据 {}"],
  ["Keys:", "按键："], ["step,", "单步，"], ["space", "空格"], ["plays,", "播放，"], ["Dark", "深色"],
  ["Map of the step", "这一步的地图"], ["The map, which scrolls", "可以滚动的地图"],
  ["The step as a map: {}. Every number of it is in the table below.", "这一步的地图：{}。其中每个数都在下面的表格里。"],
  ["{} between {} and {}", "{2} 与 {3} 之间的{1}"], ["a wall", "墙"], ["a door", "门"], ["an open border", "敞开的边界"],
  ["What other objectives would send back", "换成别的目标函数，会传回什么"],
  ["All frames as a table", "所有帧的表格"], ["All frames", "所有帧"], ["Frames", "帧"], ["Frame", "帧"], ["Go to frame", "跳到某一帧"],
  ["First frame", "第一帧"], ["First frame (Home)", "第一帧（Home）"], ["Previous frame", "上一帧"], ["Previous frame (←)", "上一帧（←）"],
  ["Next frame", "下一帧"], ["Next frame (→)", "下一帧（→）"], ["Last frame", "最后一帧"], ["Last frame (End)", "最后一帧（End）"],
  ["Play", "播放"], ["Pause", "暂停"], ["Play or pause (space)", "播放或暂停（空格）"],
  ["Frame {} of {}: {}", "第 {} 帧，共 {} 帧：{}"], ["Paused at frame {}: {}", "停在第 {} 帧：{}"],
  ["Nothing was recorded", "没有记录到任何东西"],
  ["frame", "帧"], ["turn", "回合"], ["what", "内容"],
  ["Mean, zeros, NaN and ±Inf are of what leaves: the gradient on the way back, else the output", "均值、零占比、NaN 和 ±Inf 统计的是流出的数组：反向时是梯度，否则是输出"],
  // Turns and ways.
  ["The step", "这一步"], ["Both at once", "双方同时"], ["All at once", "各方同时"], ["{}'s turn", "{} 的回合"], ["{}'s update", "{} 的更新"], ["{} updates {}", "{} 更新 {}"],
  ["comes in", "进来"], ["forward", "前向"], ["backward", "反向"], ["the loss", "损失"], ["the update", "更新"],
  ["the border, on the way back", "边界，反向"], ["the border, on the way forward", "边界，前向"],
  ["Generator", "生成器"], ["Discriminator", "判别器"],
  ["numbers forward", "数往前"], ["gradients back", "梯度往回"], ["wider: a greater norm (log)", "越粗：范数越大（对数）"], ["wall", "墙"], ["door", "门"],
  // Titles and notes of frames.
  ["Forward through {}", "前向经过 {}"], ["Back through {}", "反向经过 {}"], ["{} enters {}", "{} 进入 {}"],
  ["The wall: {} enters {}, cut from what made it", "墙：{} 进入 {}，与产生它的计算断开"],
  ["The same numbers, and no way back: no gradient that arrives here will reach {}.", "数相同，但没有回来的路：到达这里的梯度不会传到 {}。"],
  ["The threshold: {} enters {} as a leaf", "门槛：{} 作为叶子进入 {}"],
  ["The same numbers on both sides, and a place where the gradient that comes back can be met.", "两边的数相同；回来的梯度会在这里被接住。"],
  ["One graph runs through both: the gradient will pass by itself.", "同一张计算图贯穿两者：梯度会自己通过。"],
  ["The wall: the gradient stops at {}'s input", "墙：梯度停在 {} 的输入处"], ["Nothing of it goes on into {}: exactly 0.", "没有任何梯度继续传入 {}：正好是 0。"],
  ["The door: {} becomes {}", "门：{} 变成 {}"], ["The border: {} is {}", "边界：{} 就是 {}"],
  ["{} parameter gradient computed", "计算了 {} 个参数的梯度"], ["{} parameter gradients computed", "计算了 {} 个参数的梯度"],
  ["{} parameter gradient discarded", "丢弃了 {} 个参数的梯度"], ["{} parameter gradients discarded", "丢弃了 {} 个参数的梯度"],
  ["{} parameter gradient frozen", "{} 个参数被冻结"], ["{} parameter gradients frozen", "{} 个参数被冻结"],
  ["{} parameter gradient not asked for", "{} 个参数的梯度不需要"], ["{} parameter gradients not asked for", "{} 个参数的梯度不需要"],
  ["{}; the norms of the other {} were 0", "{}；另外 {} 个的范数是 0"],
  ["{}, learning rate {}: {} parameters changed, {} of them by {} to {} of their norms", "{}，学习率 {}：改变了 {} 个参数，其中 {} 个改变了自身范数的 {} 到 {}"],
  ["{}, learning rate {}: {} parameters changed, by {} to {} of their norms", "{}，学习率 {}：改变了 {} 个参数，改变量是自身范数的 {} 到 {}"],
  ["{}, learning rate {}: {} parameters changed", "{}，学习率 {}：改变了 {} 个参数"],
  ["{}, learning rate {}", "{}，学习率 {}"],
  // Cards.
  ["shape", "形状"], ["norm", "范数"], ["mean", "均值"], ["std", "标准差"], ["min", "最小"], ["max", "最大"], ["zeros", "零占比"],
  ["a number", "一个数"], ["input", "输入"], ["output", "输出"], ["∂L/∂input", "∂L/∂输入"], ["∂L/∂output", "∂L/∂输出"], ["∂L/∂output of {}", "{} 的 ∂L/∂输出"],
  ["‖input‖", "‖输入‖"], ["‖output‖", "‖输出‖"], ["‖∂L/∂output‖", "‖∂L/∂输出‖"], ["‖∂L/∂input‖", "‖∂L/∂输入‖"],
  ["goes out", "传出"], ["what becomes of it", "变成了什么"], ["from {}", "来自 {}"], ["What went forward here", "这里前向经过的数"], ["{}, as a heat map", "{}，热力图"],
  ["Nobody asks for it, so nobody computes it.", "没有谁需要它，所以没有计算。"], ["In the engine's functions:", "由引擎的这些函数组成："],
  ["NaN and ±Inf:", "NaN 和 ±Inf："], ["Histogram from {} to {}", "直方图，从 {} 到 {}"],
  ["{} channels of one sample", "一个样本的 {} 个通道"], ["channels of one sample", "一个样本的通道"], ["{} samples", "{} 个样本"], ["samples", "样本"],
  ["features of one sample", "一个样本的特征"], ["{} features of one sample", "一个样本的 {} 个特征"], ["{}, every {}. pixel", "{}，每 {} 个像素取一个"],
  ["waits at the door:", "在门口等着："], ["on to frame {}", "到第 {} 帧"],
  // Parameters.
  ["Parameters", "参数"], ["parameter", "参数"], ["gradient's norm", "梯度的范数"], ["gradient", "梯度"], ["next update / norm", "下次更新 / 范数"], ["in this pass", "在这一遍中"],
  ["learns", "会更新"], ["frozen", "冻结"], ["computed", "已计算"], ["computed, and thrown away: no optimiser used it", "计算后被丢弃：没有优化器用到它"],
  ["frozen: none is computed", "冻结：不计算"], ["not asked for: this pass computes the gradients of others only", "不需要：这一遍只计算别的梯度"],
  ["‖weight‖", "‖权重‖"], ["‖gradient‖", "‖梯度‖"], ["‖update‖", "‖更新‖"], ["update / weight", "更新 / 权重"], ["from 0.0001 to 1", "从 0.0001 到 1"],
  ["How far each parameter moves, as a share of itself. About 0.001 (the line) is a pace at which one learns.", "每个参数移动了自身的多大比例。大约 0.001（竖线）是合适的步幅。"],
  // The border.
  ["what {} made", "{} 的产物"], ["what {} sees", "{} 看到的"], ["Nothing arrives, and nothing in", "什么也没有到达，不计算"], ["is computed.", "中的任何梯度。"],
  ["enters {}", "进入 {}"], ["leaves {}", "离开 {}"], ["into {}", "进入 {}"], ["exactly 0", "正好是 0"], ["nothing but zeros", "全是零"],
  ["into {} goes", "传入 {} 的是"], ["exactly: of this loss, {} learns nothing", "正好如此：{} 从这个损失中什么也学不到"],
  ["number by number the same", "逐个数都相同"], ["changed on the way", "途中改变了"],
  ["carried by hand", "亲手递过去"], ["threshold", "门槛"], ["a leaf", "叶子"], ["open", "敞开"], ["one graph", "同一张图"],
  ["{}'s output passes into {}, through {}", "{} 的输出经过{3}进入 {2}"],
  ["The gradient comes to a wall at {}'s input, and stops there", "梯度在 {} 的输入处遇到墙，停在那里"],
  ["The gradient passes from {}'s input to {}'s output, through {}", "梯度从 {} 的输入经过{3}到 {2} 的输出"],
  // Objectives compared.
  ["saturating (minimax)", "饱和（minimax）"], ["Saturating (minimax)", "饱和（minimax）"],
  ["non-saturating", "非饱和"], ["Non-saturating", "非饱和"], ["least-squares", "最小二乘"], ["Least-squares", "最小二乘"], ["hinge", "合页"], ["Hinge", "合页"], ["{} times", "{} 倍"],
  ["{} The step's own objective is {}: its", "{}这一步自己的目标函数是 {}：它的"], ["is what came to the border.", "就是到达边界的范数。"],
  ["All start from the same point: D's logits of G(z) from which G learns in this step, with its dropout masks.", "它们都从同一点出发：这一步中 G 据以学习的 D 对 G(z) 的 logit，连同其 dropout 掩码。"],
  ["{} sends back nothing at all.", "{}什么也没有传回。"],
  ["All send back about as much: {} to {} at the border.", "各目标函数传回的大小相近：边界处为 {} 到 {}。"],
  ["{} sends back {} times as much as {}: {} against {} at the border.", "{}传回的是{3}的 {2} 倍：边界处 {4} 对 {5}。"],
  ["Let D become sure that the fakes are fake (it finds them real with {} instead of {}), and look at the gradient that comes to the border: {}.",
    "让 D 确信假样本是假的（它认为它们为真的概率从 {2} 变为 {1}），再看到达边界的梯度：{3}。"],
  ["that of the {} loss is gone", "{}损失的梯度消失了"], ["that of the {} loss all but vanishes, {} times weaker", "{}损失的梯度几乎消失，只有原来的 1/{}"],
  ["that of the {} loss becomes {} times weaker", "{}损失的梯度变弱，只有原来的 1/{}"], ["that of the {} loss becomes {} times stronger", "{}损失的梯度变强，是原来的 {} 倍"],
  ["that of the {} loss stays as it is", "{}损失的梯度不变"], ["D as it is", "现在的 D"], ["D as it is: {}", "现在的 D：{}"],
  ["A D that is sure of its answer", "确信自己答案的 D"], ["A D that is sure of its answer: {}", "确信自己答案的 D：{}"],
  ["finds fakes real with {}", "认为假样本为真的概率是 {}"], ["∂L/∂G(z), and after each layer on the way back to z →", "∂L/∂G(z)，以及传回 z 途中每一层之后 →"],
  ["∂L/∂G(z), then back through each layer →", "∂L/∂G(z)，再逐层往回 →"], ["border", "边界"], ["The same as a table", "同样的数，列成表格"], ["Objectives compared", "目标函数的比较"],
  ["objective", "目标函数"], ["D's probability of real", "D 认为真的概率"], ["loss", "损失"], ["norm at the border", "边界处的范数"], ["norm back through {}", "反向经过 {} 后的范数"],
  // Parts of all of these.
  ["{}: norm {}", "{}：范数 {}"], ["{} ({}) in {}", "{3} 中的 {1}（{2}）"],
];

const EXACT = new Map(CHINESE.filter(([english]) => !english.includes("{}")));
const byWords = ([a], [b]) => b.replaceAll("{}", "").length - a.replaceAll("{}", "").length; // those that say most come first
const PATTERNS = CHINESE.filter(([english]) => english.includes("{}")).sort(byWords).map(([english, chinese]) => [
  new RegExp(`^${english.replace(/[.*+?^$()|[\]\\]/g, "\\$&").replaceAll("{}", "(.+?)")}$`, "s"), chinese,
]);
const known = new Map();

/** The same in Chinese, as far as it is known; names and numbers as they are. */
function inChinese(text) {
  if (!/[a-z]/i.test(text)) return text;
  if (!known.has(text)) known.set(text, translated(text));
  return known.get(text);
}

function translated(text) {
  const [, before, words, after] = /^(\s*)(.*?)(\s*)$/s.exec(text);
  if (EXACT.has(words)) return before + EXACT.get(words) + after;
  for (const [pattern, chinese] of PATTERNS) {
    const found = pattern.exec(words);
    if (!found) continue;
    let next = 0;
    const part = (place) => found[Number(place) || ++next].split("; ").map(inChinese).join("；"); // one, or a list
    return before + chinese.replace(/\{(\d?)\}/g, (_, place) => part(place)) + after;
  }
  return text;
}
