// The page /install: how a device gets to believe this server, in the language of the browser.
'use strict';
const WORDS = {
  en: {
    title: 'Make this device trust the chat server',
    intro: 'This server is on a network of its own, so it vouches for itself. Install its '
      + 'certificate once, and microphone, camera, calls and the app work on this device.',
    get: 'Get the certificate',
    android: [
      'Tap "Get the certificate".',
      'Open Settings, search for "CA certificate", and choose "Install anyway".',
      'Choose the file chat-server.crt.',
    ],
    apple: [
      'Open this page in Safari, tap "Get the certificate", and allow it.',
      'Open Settings, tap "Profile Downloaded", then "Install".',
      'In Settings, General, About, Certificate Trust Settings, switch the chat server on.',
    ],
    computer: 'Computers',
    computers: [
      'Windows: open the file, choose "Install Certificate", and place it in "Trusted Root '
        + 'Certification Authorities".',
      'macOS: open the file, then double-click it in Keychain Access and choose "Always Trust".',
      'Linux, and Firefox everywhere: import it in the browser\'s settings under "Certificates", '
        + '"Authorities", to identify websites.',
    ],
    next: 'Then',
    open: 'Open the chat',
    phone: 'Another device',
    scan: 'Scan this code with its camera to open this page there.',
    sure: 'To be sure',
    compare: 'Install it only if you know whose server this is. Compare this fingerprint (SHA-256) '
      + 'with the one that its operator sees. Whatever it signs, your device will believe it for '
      + 'addresses and names of private networks only.',
  },
  es: {
    title: 'Haz que este dispositivo confíe en el servidor de chat',
    intro: 'Este servidor está en una red propia, así que responde por sí mismo. Instala su '
      + 'certificado una vez, y en este dispositivo funcionarán el micrófono, la cámara, las '
      + 'llamadas y la aplicación.',
    get: 'Obtener el certificado',
    android: [
      'Toca «Obtener el certificado».',
      'Abre Ajustes, busca «certificado de CA» y elige «Instalar de todos modos».',
      'Elige el archivo chat-server.crt.',
    ],
    apple: [
      'Abre esta página en Safari, toca «Obtener el certificado» y permítelo.',
      'Abre Ajustes, toca «Perfil descargado» y luego «Instalar».',
      'En Ajustes, General, Información, «Ajustes de confianza de los certificados», activa el '
        + 'servidor de chat.',
    ],
    computer: 'Ordenadores',
    computers: [
      'Windows: abre el archivo, elige «Instalar certificado» y ponlo en «Entidades de '
        + 'certificación raíz de confianza».',
      'macOS: abre el archivo, haz doble clic en él en Acceso a Llaveros y elige «Confiar siempre».',
      'Linux, y Firefox en cualquier sistema: impórtalo en los ajustes del navegador, en '
        + '«Certificados», «Autoridades», para identificar sitios web.',
    ],
    next: 'Después',
    open: 'Abrir el chat',
    phone: 'Otro dispositivo',
    scan: 'Escanea este código con su cámara para abrir allí esta página.',
    sure: 'Para estar seguro',
    compare: 'Instálalo solo si sabes de quién es este servidor. Compara esta huella (SHA-256) con '
      + 'la que ve quien lo administra. Firme lo que firme, tu dispositivo solo le creerá para '
      + 'direcciones y nombres de redes privadas.',
  },
  zh: {
    title: '让此设备信任聊天服务器',
    intro: '此服务器位于自己的网络中，由它自己作证。安装一次它的证书，'
      + '此设备上的麦克风、摄像头、通话和应用就都可以使用。',
    get: '获取证书',
    android: [
      '点击“获取证书”。',
      '打开“设置”，搜索“CA 证书”，选择“仍然安装”。',
      '选择文件 chat-server.crt。',
    ],
    apple: [
      '用 Safari 打开本页面，点击“获取证书”并允许。',
      '打开“设置”，点击“已下载描述文件”，然后点击“安装”。',
      '在“设置”的“通用”“关于本机”“证书信任设置”中，打开此聊天服务器的开关。',
    ],
    computer: '电脑',
    computers: [
      'Windows：打开文件，选择“安装证书”，放入“受信任的根证书颁发机构”。',
      'macOS：打开文件，在“钥匙串访问”中双击它，选择“始终信任”。',
      'Linux，以及所有系统上的 Firefox：在浏览器设置的“证书”“证书颁发机构”中导入，用于识别网站。',
    ],
    next: '然后',
    open: '打开聊天',
    phone: '其他设备',
    scan: '用它的摄像头扫描此二维码，即可在那里打开本页面。',
    sure: '安全确认',
    compare: '只有知道这是谁的服务器时才安装。请与管理员看到的指纹（SHA-256）比对。'
      + '无论它签署什么，你的设备只会在私有网络的地址和名称上相信它。',
  },
};

const words = globalThis.speak(WORDS);
for (const list of document.querySelectorAll('[data-list]')) {
  for (const step of words[list.dataset.list]) {
    list.append(Object.assign(document.createElement('li'), { textContent: step }));
  }
}
document.querySelector('img').alt = words.scan;
